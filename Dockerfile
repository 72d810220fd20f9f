# Claviger's image: Node, the program bundled into one file with its compile cache, licences.
# No shell, no package manager, no sources.
#
#   docker build -t claviger .
#
# BUILD_IMAGE may be any image with bash, glibc and npm, and is best pinned by its digest. Nothing of it gets into
# the result but the shared libraries that Node is linked to. Node itself comes from the lockfile, hence
# with its hash checked, for amd64 and arm64 alike.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${BUILD_IMAGE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY provider provider
COPY scripts scripts
RUN npx node scripts/bundle.ts --directory /usr/share/claviger
COPY LICENSE /usr/share/claviger/

# The file system of the result: Node, the libraries it is linked to, and names for the users, because Node asks for them.
RUN node="$(readlink -f node_modules/.bin/node)"; \
    install -D -m 0755 "$node" /image/usr/local/bin/node; \
    install -D -m 0644 "$(dirname "$node")/../LICENSE" /image/usr/local/share/doc/node/LICENSE; \
    ldd "$node" | grep -o '/[^ ]*' | xargs -I '{}' cp --parents --dereference '{}' /image; \
    install -d /image/etc; \
    printf 'root:x:0:0::/:\nclaviger:x:65532:65532::/:\n' >/image/etc/passwd

# The compile cache belongs to a path and a user: the image's own, and root, as whom the DaemonSet runs because the
# driver's socket directory is root's. A short run of the provider fills it, and proves that the bundle starts.
ENV NODE_COMPILE_CACHE=/usr/share/claviger/compile-cache
RUN scripts/bundle/fill-compile-cache /image/usr/local/bin/node /usr/share/claviger/claviger.cjs 0 65532; \
    cp --parents --recursive /usr/share/claviger /image

FROM scratch
LABEL org.opencontainers.image.title="claviger" \
      org.opencontainers.image.description="One Secrets Store CSI provider for every store" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
ENV NODE_COMPILE_CACHE=/usr/share/claviger/compile-cache
USER 65532:65532
# The heap limits bound the memory, which V8 does not give back; the last flag keeps the inspector shut on SIGUSR1.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=1", "--max-old-space-size=48", "--disable-sigusr1", "/usr/share/claviger/claviger.cjs"]
CMD ["serve"]
