#!/usr/bin/env bash
# What charts/merkez/ci/dev-values.yaml takes for granted, in a namespace of the cluster kubectl points to: PostgreSQL, and
# secrets of random words and fresh keys. What is there already stays. Not for production: one database without a copy.
set -euo pipefail
cd "$(dirname "$0")/../.."
space=${1:?"usage: dev-cluster.sh NAMESPACE"}
python=${PYTHON:-.venv/bin/python}
kubectl create namespace "$space" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
has() { kubectl --namespace "$space" get secret "$1" >/dev/null 2>&1; }
secret() { kubectl --namespace "$space" create secret generic "$@" >/dev/null; }

if ! has merkez-database; then
  password=$("$python" -c 'import secrets; print(secrets.token_hex(24))')
  secret merkez-database --from-literal=role-password="$("$python" -c 'import secrets; print(secrets.token_hex(24))')" \
    --from-literal=admin-password="$password" --from-literal=admin-url="postgresql+asyncpg://postgres:$password@postgres:5432/merkez"
fi
has merkez-internal || secret merkez-internal --from-literal=internal.jwk="$("$python" -c 'from chassis.auth import generate_key; print(generate_key())')"
has merkez-signing || secret merkez-signing --from-literal=signing.jwks="{\"keys\":[$("$python" -c 'from chassis.auth import generate_key; print(generate_key())')]}"

kubectl --namespace "$space" apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: postgres}
spec:
  selector: {app: postgres}
  ports: [{name: postgres, port: 5432, protocol: TCP}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: postgres}
spec:
  serviceName: postgres
  replicas: 1
  selector: {matchLabels: {app: postgres}}
  template:
    metadata: {labels: {app: postgres}}
    spec:
      containers:
        - name: postgres
          image: postgres:18.1
          env:
            - {name: POSTGRES_DB, value: merkez}
            - {name: PGDATA, value: /var/lib/postgresql/data/merkez}
            - {name: POSTGRES_PASSWORD, valueFrom: {secretKeyRef: {name: merkez-database, key: admin-password}}}
          ports: [{containerPort: 5432, protocol: TCP}]
          readinessProbe: {exec: {command: [pg_isready, -U, postgres]}, periodSeconds: 2}
          volumeMounts: [{name: data, mountPath: /var/lib/postgresql/data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}
YAML
kubectl --namespace "$space" rollout status statefulset/postgres --timeout=180s >/dev/null
