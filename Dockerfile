# Claviger's image: Node, the program bundled into one file with its compiled code, licences, and the bill of materials.
# No shell, no package manager, no sources.
#
#   docker build -t claviger .        or, with buildah and without pulling anything, scripts/image
#
# BUILD_IMAGE may be any Debian 12 with bash, npm and apt, and is best pinned by its digest. Nothing of it gets into the
# result: Node comes from the lockfile, hence with its hash checked, and the libraries that it is linked to from Debian's
# packages, hence with their signatures checked. The build stage runs on the builder's own architecture for each target.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# Where npm fetches from, if not from its own registry.
ARG NPM_CONFIG_REGISTRY
WORKDIR /build
COPY package.json package-lock.json .npmrc LICENSE ./
RUN npm ci --ignore-scripts
COPY provider provider
COPY scripts scripts
ARG TARGETARCH
# The time that the bill of materials bears, in seconds; that of the commit makes builds repeatable.
ARG SOURCE_DATE_EPOCH=0
RUN scripts/image-contents/root-filesystem "$TARGETARCH" /image

FROM scratch
LABEL org.opencontainers.image.title="claviger" \
      org.opencontainers.image.description="One Secrets Store CSI provider for every store" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
ENV PATH=/usr/local/bin
USER 65532:65532
# The heap limits bound the memory, which V8 does not give back; the last flag keeps the inspector shut on SIGUSR1.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "--max-old-space-size=48", "--disable-sigusr1", "/usr/share/claviger/start.cjs"]
CMD ["serve"]
