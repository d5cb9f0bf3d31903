# Two stages: the first makes the Python environment, the static files and the encoders, the second only runs.
# GPU: docker build --build-arg REQUIREMENTS=requirements-cuda.txt -t magicroll:gpu .
FROM python:3.11-slim AS build
ARG REQUIREMENTS=requirements.txt
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /opt/magicroll
COPY requirements.txt requirements-cuda.txt ./
RUN pip install -r "$REQUIREMENTS"
COPY manage.py ./
COPY magicroll magicroll
COPY tagging tagging
COPY templates templates
COPY static static
COPY locale locale
# The key is needed to load the settings and ends with this stage; nothing is signed with it.
RUN MAGICROLL_SECRET_KEY=only-for-the-build MAGICROLL_DATA_DIR=/tmp/data MAGICROLL_MODELS_DIR=/opt/models \
    sh -c 'python -m compileall -q magicroll tagging && python manage.py prepare --files-only'

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin magicroll \
    && install -d -o magicroll -g magicroll -m 0700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/models /opt/models
COPY --from=build /opt/magicroll /opt/magicroll
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MAGICROLL_DATA_DIR=/data \
    MAGICROLL_MODELS_DIR=/opt/models
WORKDIR /opt/magicroll
USER 10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8000/healthz', timeout=4)"]
# One container with everything: `docker run -v roll:/data -p 8000:8000 -e MAGICROLL_SECRET_KEY=... magicroll`.
# docker-compose.yml starts each part on its own.
CMD ["sh", "-c", "python manage.py prepare && exec python manage.py serve --host 0.0.0.0 --port 8000"]
