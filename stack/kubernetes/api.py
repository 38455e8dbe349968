"""A fabric's Kubernetes API for the demo and the tests.

It is the real one if `KUBEBUILDER_ASSETS` names a folder with `etcd` and `kube-apiserver` (the
envtest convention), otherwise an emulator. Both use HTTPS with their own CA and require a bearer
token, so workers reach them as they reach a fabric.
"""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from stack.kubernetes.base import KubernetesApi
from stack.kubernetes.emulator import kubernetes_emulator
from stack.kubernetes.releases import HedgehogRelease


def kubernetes_api(
    crds: Path | None = None, release: HedgehogRelease = HedgehogRelease.CURRENT
) -> AbstractContextManager[KubernetesApi]:
    """Run an empty API that serves the kinds of a Hedgehog release.

    `crds` is a folder of CustomResourceDefinitions for the real API server. By default it gets
    definitions that accept any spec.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        return kubernetes_emulator(release=release)
    from stack.kubernetes.kube_apiserver import kube_apiserver  # noqa: PLC0415  a second's imports

    return kube_apiserver(Path(assets), crds, release)
