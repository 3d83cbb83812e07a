# Bases of Debian's packages alone, for where no registry is reachable (`make images`): target `python` is Debian's own
# Python, `node` has Node from its wheel on top, at the version that the web app is built with everywhere else.
FROM scratch AS python
ADD base.tar /
RUN ln -sf python3 /usr/bin/python

FROM python AS node
ARG NODE_WHEEL
RUN python -m venv /opt/node && /opt/node/bin/pip install --quiet --no-cache-dir "$NODE_WHEEL" && \
    ln -s /opt/node/bin/node /opt/node/bin/npm /opt/node/bin/npx /usr/local/bin/
