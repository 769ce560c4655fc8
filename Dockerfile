# Docket's image: built with the Swift image, run on a small Debian without compiler, sources or PostgreSQL.
# It needs a PostgreSQL reached by DOCKET_DATABASE_URL; docker-compose.yml brings one.

ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build
WORKDIR /src

# The Makefile has the one list of system packages; the Swift image lacks only make itself to read it.
COPY Makefile ./
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends make \
    && make system \
    && rm -rf /var/lib/apt/lists/*

# The manifest alone: packages are fetched anew only when it changes, not with every source.
# The star makes Package.resolved optional: with it exactly these versions, without it the newest that fit.
COPY Package.swift Package.resolved* ./
RUN swift package resolve

# SwiftPM wants the folders of all targets, tests and benchmarks too, before it builds one product.
COPY Benchmarks ./Benchmarks
COPY Tests ./Tests
COPY Content ./Content
COPY Projections ./Projections
COPY Schema ./Schema
COPY Sources ./Sources
# Swift's runtime goes into the program, so that the image needs none of its libraries. Symbols are half of its size,
# and what would print a backtrace with them is not in the image.
RUN swift build -c release --product docket --static-swift-stdlib \
    && mkdir /out \
    && strip -o /out/docket "$(swift build -c release --show-bin-path)/docket"


FROM ${RUNTIME_IMAGE}

# libpcre2-8-0, libpq5, zlib1g, libstdc++6: what `ldd docket` names beyond the C library. tzdata: reports are cut at
# midnight of a time zone. ca-certificates: connectors and the database over TLS. curl: the health check.
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        ca-certificates curl libpcre2-8-0 libpq5 libstdc++6 tzdata zlib1g \
    && rm -rf /var/lib/apt/lists/*

# A fixed number, so that files on a volume keep their owner from one image to the next.
RUN groupadd --gid 10001 docket \
    && useradd --uid 10001 --gid docket --home-dir /var/lib/docket --no-create-home --shell /usr/sbin/nologin docket \
    && install --directory --owner docket --group docket --mode 0700 /var/lib/docket

COPY --from=build --chown=root:root /out/docket /usr/local/bin/docket

USER 10001:10001
WORKDIR /var/lib/docket
ENV DOCKET_DATA_DIR=/var/lib/docket

# A library that is missing ends the build here, not the first start.
RUN ["docket", "--version"]

# The tenants' keys. Whoever loses this volume can no longer open what is sealed.
VOLUME /var/lib/docket
EXPOSE 8080

# The process answers; whether it can work (database, clock, projections) is for /readyz, and no reason for a restart.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8080/healthz"]

ENTRYPOINT ["docket"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
