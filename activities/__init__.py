"""The only code that talks to the outside: NetBox, Git and Kubernetes."""
