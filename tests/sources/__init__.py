"""Reading fabrics from real Git repositories and a Kubernetes API, friendly and hostile ones."""
