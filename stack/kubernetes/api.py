"""A fabric's Kubernetes API for the demo and the tests.

Where `KUBEBUILDER_ASSETS` names a folder with `etcd` and `kube-apiserver` (the envtest convention)
it is the real one, otherwise an emulator that answers lists as a real one does. Both speak https
with a CA of their own and ask for a bearer token, so a worker reaches them as it reaches a fabric.
"""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from stack.kubernetes.base import KubernetesApi
from stack.kubernetes.emulator import kubernetes_emulator
from stack.kubernetes.kube_apiserver import kube_apiserver

__all__ = ["KubernetesApi", "kubernetes_api"]


def kubernetes_api(crds: Path | None = None) -> AbstractContextManager[KubernetesApi]:
    """An empty API that serves the Hedgehog kinds, while the `with` block runs.

    `crds` is a folder of CustomResourceDefinitions for the real one; without it, that gets
    definitions which accept any spec.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    return kube_apiserver(Path(assets), crds) if assets else kubernetes_emulator()
