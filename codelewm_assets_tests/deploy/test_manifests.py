"""Files of deploy/: each is valid by the schema of its own tool, and they agree with each other and with the code."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement
from ray.autoscaler._private.util import prepare_config, validate_config

from codelewm_assets.core.errors import DeploymentError
from codelewm_assets.defs.assemble import build_defs
from codelewm_assets.defs.jobs import BUILD_ORDER
from codelewm_assets.profiles.operations import read_job_tags
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets_tests.deploy.conftest import ROOT

DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
KUBERNETES = "1.33"  # the least version that has what values.yaml asks for: hostUsers and procMount without a switch
DOCKERFILES = sorted((DEPLOY / "images").glob("*.Dockerfile"))
MANIFESTS = [DEPLOY / "kubernetes/storage.yaml", DEPLOY / "kubernetes/network-policy.yaml"]
RAY_JOBS = [DEPLOY / "ray/label.yaml", DEPLOY / "ray/train.yaml"]
JOB_TAGS = DEPLOY / "kubernetes/job_tags.yaml"


@cache
def _read(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


def _everything() -> list[Path]:
    return [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]


def _pods(path: Path) -> Iterator[dict[str, Any]]:
    cluster = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ray"}, "spec": group["template"]["spec"]}


def _constraint(package: str) -> str:
    found = re.search(rf"^{package}==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, package
    return found[1]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_dockerfiles_pass_hadolint(path: Path) -> None:
    found = subprocess.run([BIN / "hadolint", path], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_images_differ_in_their_build_of_torch_alone() -> None:
    def instructions(path: Path) -> list[str]:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]

    data, gpu = map(instructions, DOCKERFILES)
    assert [line.replace("CUDA", "CPU") for line in gpu] == data != gpu
    assert "USER 10001" in data


def test_what_the_images_copy_is_let_through_to_the_build() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in DOCKERFILES[0].read_text().splitlines() if line.startswith("COPY")]
    assert {Path(path).parts[0] for paths in copied for path in paths} == let_through


# what stands in the settings → the extra without which the image cannot serve it
NEEDS = {
    "s3://": "s3",
    "CODELEWM_POSTGRES_HOST": "postgres",
    "K8sRunLauncher": "kubernetes",
    "rayVersion": "ray",
}


def test_images_install_every_extra_that_the_settings_need() -> None:
    settings = "".join(found.read_text(encoding="utf-8") for found in _everything() if found.suffix == ".yaml")
    assert [marker for marker in NEEDS if marker not in settings] == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(Requirement(extras["deploy"][0]).extras) == set(NEEDS.values())
    for path in DOCKERFILES:
        assert "--require-hashes -r requirements/deploy.txt" in path.read_text(encoding="utf-8")


def test_every_image_that_is_not_ours_is_named_by_digest() -> None:
    images = [found["image"] for found in _read("compose/compose.yaml")["services"].values() if "image" in found]
    images += [line.split()[1] for path in DOCKERFILES for line in path.read_text().splitlines() if line[:4] == "FROM"]
    foreign = [image for image in images if not image.startswith("codelewm-")]
    assert len(foreign) == 4 and all(re.search(r":[\w.-]+@sha256:[0-9a-f]{64}$", image) for image in foreign)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_store_and_working_folder_are_volumes_on_folders_that_are_the_users(path: Path) -> None:
    """The image's own folder is root's, in which its user can make none."""
    text = path.read_text(encoding="utf-8")
    (root,), (made,) = re.findall(r"^WORKDIR (\S+)$", text, re.MULTILINE), re.findall(r"mkdir ([\w. ]+) &&", text)
    assert f"chown codelewm:codelewm {made}\n" in text
    owned = {f"{root}/{name}" for name in made.split()}
    image = _read("compose/compose.yaml")["x-image"]
    values = _read("kubernetes/values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    run = values["runLauncher"]["config"]["k8sRunLauncher"]
    env = {entry["name"]: entry["value"] for entry in deployment["env"]}
    assert run["runK8sConfig"]["containerConfig"]["env"] == deployment["env"]
    for told, mounted in [
        (image["environment"], {volume.partition(":")[2] for volume in image["volumes"]}),
        (env, {mount["mountPath"] for mount in deployment["volumeMounts"]}),
        (env, {mount["mountPath"] for mount in run["volumeMounts"]}),
    ]:
        folders = {re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", told[name]) for name in ("CODELEWM_ARTIFACTS", "CODELEWM_WORK")}
        assert len(folders) == 2 and folders <= owned and folders <= mounted


def test_the_code_location_gets_the_hubs_variables_and_the_secrets_of_runs() -> None:
    """Sensors are evaluated in it: they ask the Hub and send messages."""
    services = _read("compose/compose.yaml")["services"]
    assert {name: services["code"]["environment"].get(name, "absent") for name in ("HF_TOKEN", "HF_ENDPOINT")} == {
        "HF_TOKEN": None,
        "HF_ENDPOINT": None,
    }
    values = _read("kubernetes/values.yaml")
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert deployment["envSecrets"] == values["runLauncher"]["config"]["k8sRunLauncher"]["envSecrets"]


def test_the_compose_file_is_valid_by_the_compose_specification() -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose/compose.yaml"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_schema_of_compose_refuses_a_key_that_there_is_not(tmp_path: Path) -> None:
    """The check above can fail."""
    wrong = _read("compose/compose.yaml") | {"services": {"code": {"imaeg": "x"}}}
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(wrong), encoding="utf-8")
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.yaml"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_published_ports_are_on_loopback() -> None:
    ports = [
        port for service in _read("compose/compose.yaml")["services"].values() for port in service.get("ports", [])
    ]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_second_web_server_is_read_only_and_both_ask_the_code_location_that_runs() -> None:
    services = _read("compose/compose.yaml")["services"]
    review, webserver = (services[name]["command"] for name in ("review", "webserver"))
    assert set(review) - set(webserver) == {"3001", "--read-only"} and set(webserver) - set(review) == {"3000"}
    assert {"codelewm_assets.instance.web_server", "deploy/compose/workspace.yaml"} <= set(webserver)
    for name, port in (
        ("webserver", "3000"),
        ("review", "3001"),
    ):  # a browser's Host names the port that is listened on
        assert services[name]["ports"] == [f"127.0.0.1:{port}:{port}"] and port in services[name]["command"]
    (location,) = (entry["grpc_server"] for entry in _read("compose/workspace.yaml")["load_from"])
    assert location["host"] in services
    assert f'"{location["port"]}"' in (DEPLOY / "images/data.Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_are_valid_kubernetes(path: Path) -> None:
    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    assert [kubernetes_validate.validate(found, KUBERNETES, strict=True) for found in documents]


@pytest.mark.parametrize("path", RAY_JOBS, ids=lambda path: path.name)
def test_pods_of_ray_are_valid_kubernetes(path: Path) -> None:
    """Of a RayJob only the pods: the schema of KubeRay's own kinds is not to be had here."""
    assert len([kubernetes_validate.validate(pod, KUBERNETES, strict=True) for pod in _pods(path)]) == 2


def test_the_ray_cluster_of_given_machines_is_valid_by_rays_own_schema() -> None:
    validate_config(prepare_config(_read("ray/cluster.yaml")))


def test_rays_profile_is_the_full_one_but_for_where_it_runs() -> None:
    full, ours = load_profile("full"), load_profile(str(DEPLOY / "ray/profile.yaml"))
    where = full.sandbox.model_copy(update={"spread": "ray", "ray_address": "127.0.0.1:6379"})
    assert ours.sandbox == where
    assert ours.training == full.training | {"processes": 4}
    names = {"name": full.name, "description": full.description}
    assert ours.model_copy(update={**names, "sandbox": full.sandbox, "training": full.training}) == full
    assert _read("ray/train.yaml")["spec"]["entrypointNumGpus"] == ours.training_config().processes


def test_versions_are_those_of_the_constraints() -> None:
    for path in RAY_JOBS:
        assert _read(f"ray/{path.name}")["spec"]["rayClusterSpec"]["rayVersion"] == _constraint("ray")
    assert f"chart, version {_constraint('dagster')}" in (DEPLOY / "kubernetes/values.yaml").read_text(encoding="utf-8")
    assert f"dagster-postgres=={_constraint('dagster-postgres')}" in (ROOT / "pyproject.toml").read_text(
        encoding="utf-8"
    )


def test_variables_are_those_that_the_code_reads() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "codelewm_assets").rglob("*.py"))
    code += (DEPLOY / "postgres/dagster.yaml").read_text(encoding="utf-8")
    named = {
        name for path in _everything() for name in re.findall(r"CODELEWM_[A-Z_]+", path.read_text(encoding="utf-8"))
    }
    assert named
    assert {name for name in named if name not in code} == set()


SECRET = re.compile(r"password$|secret_access_key$|access_key_id$|_token$|root_user$", re.IGNORECASE)


def _plain_secrets(value: Any) -> list[str]:
    """Names of secrets, keys or entries of an `env` list, beside which a text stands that refers to nothing."""
    if isinstance(value, list):
        return [name for found in value for name in _plain_secrets(found)]
    if not isinstance(value, dict):
        return []
    named = [(value["name"], value["value"])] if isinstance(value.get("name"), str) and "value" in value else []
    plain = [
        name
        for name, told in (*named, *value.items())
        if isinstance(told, str) and SECRET.search(name) and "${" not in told
    ]
    return plain + [name for found in value.values() for name in _plain_secrets(found)]


def test_every_secret_is_a_reference() -> None:
    files = [path for path in _everything() if path.suffix == ".yaml"]
    assert [
        (path.name, _plain_secrets(list(yaml.safe_load_all(path.read_text(encoding="utf-8"))))) for path in files
    ] == [(path.name, []) for path in files]


def test_a_secret_that_is_written_out_is_seen() -> None:
    """The check above can fail."""
    assert _plain_secrets([{"a": {"POSTGRES_PASSWORD": "x"}}]) == ["POSTGRES_PASSWORD"]
    assert _plain_secrets({"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}]}) == ["AWS_SECRET_ACCESS_KEY"]
    assert (
        _plain_secrets({"password": {"env": "CODELEWM_POSTGRES_PASSWORD"}, "POSTGRES_PASSWORD": "${P:?set it}"}) == []
    )


def test_kubernetes_connects_to_the_server_as_the_instance_here() -> None:
    server = _read("postgres/dagster.yaml")["storage"]["postgres"]["postgres_db"]
    assert _read("kubernetes/values.yaml")["postgresql"]["postgresqlParams"] == server["params"]


def test_kubernetes_judges_pools_and_limits_as_the_instance_here() -> None:
    values, here = _read("kubernetes/values.yaml"), yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    pools, runs = values["concurrency"]["pools"], values["concurrency"]["runs"]
    assert pools["granularity"] == here["concurrency"]["pools"]["granularity"]
    assert pools["defaultLimit"] == here["concurrency"]["pools"]["default_limit"]
    assert runs["maxConcurrentRuns"] == here["concurrency"]["runs"]["max_concurrent_runs"]
    retries = values["dagsterDaemon"]["runRetries"]
    assert retries["maxRetries"] == here["run_retries"]["max_retries"]
    assert retries["retryOnAssetOrOpFailure"] is here["run_retries"]["retry_on_asset_or_op_failure"] is False
    assert values["dagsterDaemon"]["runMonitoring"]["enabled"] is here["run_monitoring"]["enabled"] is True


def _run_pod(tags: dict[str, str]) -> dict[str, Any]:
    """The Kubernetes job that the launcher of values.yaml would make of a run with these tags."""
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import (
        DagsterK8sJobConfig,
        UserDefinedDagsterK8sConfig,
        construct_dagster_k8s_job,
        get_user_defined_k8s_config,
    )
    from kubernetes.client import ApiClient

    told = _read("kubernetes/values.yaml")["runLauncher"]["config"]["k8sRunLauncher"]
    run = told["runK8sConfig"]
    context = K8sContainerContext(
        env_secrets=[secret["name"] for secret in told["envSecrets"]], volume_mounts=told["volumeMounts"],
        volumes=told["volumes"], labels=told["labels"], resources=told["resources"],
        security_context=told["securityContext"],
        run_k8s_config=UserDefinedDagsterK8sConfig.from_dict(
            {
                "container_config": run["containerConfig"],
                "pod_spec_config": run["podSpecConfig"],
                "job_spec_config": run["jobSpecConfig"],
            }
        ),
    ).merge(K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(tags)))  # fmt: skip
    config = DagsterK8sJobConfig(
        job_image="registry.example/lab/codelewm-data:0.2.0", dagster_home="/opt/dagster/home",
        instance_config_map="instance", postgres_password_secret="codelewm-postgres",
    )  # fmt: skip
    made = construct_dagster_k8s_job(config, ["true"], "run", context.run_k8s_config)
    return dict(ApiClient().sanitize_for_serialization(made))


def _tags(job: str) -> dict[str, str]:
    return dict(build_defs().resolve_job_def(job).run_tags)


def test_the_pod_of_each_run_is_valid_and_the_run_that_trains_alone_has_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODELEWM_JOB_TAGS", str(JOB_TAGS))
    gpus = {}
    for step in BUILD_ORDER:
        job = _run_pod(_tags(step.job))
        kubernetes_validate.validate(job, KUBERNETES, strict=True)
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        gpus[step.job] = (container["image"].split("/")[-1], container["resources"]["limits"].get("nvidia.com/gpu"))
        assert container["securityContext"]["runAsNonRoot"] is True
        assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {
            "/srv/codelewm/artifacts",
            "/etc/codelewm",
        }
        assert pod["hostUsers"] is False
        assert job["spec"]["backoffLimit"] == 0
    assert gpus.pop("train_and_evaluate") == ("codelewm-gpu:0.2.0", "1")
    assert set(gpus.values()) == {("codelewm-data:0.2.0", None)}


def test_without_a_file_of_tags_no_job_asks_for_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODELEWM_JOB_TAGS", raising=False)
    assert not [name for step in BUILD_ORDER for name in _tags(step.job) if name.startswith("dagster-k8s")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trane: {a: b}", "has tags of trane; the jobs are refresh_data, train_and_evaluate"),
        ("- a", "holds something else than job → tag → value"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_file_of_tags_is_refused(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "tags.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DeploymentError, match=told):
        read_job_tags(str(tmp_path / "tags.yaml"))


def test_a_missing_file_of_tags_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"CODELEWM_JOB_TAGS names .* which cannot be read"):
        read_job_tags(str(tmp_path / "tags.yaml"))


def test_names_of_volumes_secrets_and_images_agree() -> None:
    claims = {_read("kubernetes/storage.yaml")["metadata"]["name"]}
    text = "".join(path.read_text(encoding="utf-8") for path in (DEPLOY / "kubernetes/values.yaml", *RAY_JOBS))
    assert set(re.findall(r"claimName: ([\w-]+)", text)) == claims
    assert set(re.findall(r"(?:postgresqlSecretName:|secretKeyRef: \{name:) ([\w-]+)", text)) == {"codelewm-postgres"}
    images = set(
        re.findall(r"codelewm-(?:data|gpu)(?::|, tag: )([\w.]+)", text + json.dumps(_read("kubernetes/job_tags.yaml")))
    )
    assert images == {"0.2.0"}
