# Image of runs that train or score on GPUs: that of data with the CUDA build of torch. Built in the checkout's root:
#   docker build -f deploy/images/gpu.Dockerfile --build-arg TORCH_INDEX_URL=… -t codelewm-gpu:0.2.0 .
# TORCH_INDEX_URL is the index of CUDA wheels that PyTorch's install page names; constraints.txt pins the version.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# The layers of the sandbox, and git, which names the commit in manifests. Debian keeps one version of each a release.
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends bubblewrap git libseccomp2 && \
    rm -rf /var/lib/apt/lists/*

WORKDIR /srv/codelewm
COPY requirements requirements
COPY constraints.txt ./
ARG TORCH_INDEX_URL
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/deploy.txt && \
    pip install --no-cache-dir --constraint constraints.txt --index-url "${TORCH_INDEX_URL:?name the index of CUDA wheels}" torch

COPY pyproject.toml README.md LICENSE ./
COPY codelewm_assets codelewm_assets
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && \
    useradd --uid 10001 --create-home codelewm && \
    mkdir artifacts work .dagster home && \
    chown codelewm:codelewm artifacts work .dagster home
COPY workspace.yaml ./
COPY deploy/postgres/dagster.yaml home/dagster.yaml
COPY deploy deploy

USER 10001
ENV DAGSTER_HOME=/srv/codelewm/home
EXPOSE 4000
CMD ["dagster", "code-server", "start", "-h", "0.0.0.0", "-p", "4000", "-m", "codelewm_assets.definitions"]
