{{- define "merkez.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end }}

{{- define "merkez.selector" -}}
app.kubernetes.io/name: merkez
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "merkez.labels" -}}
{{ include "merkez.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: merkez
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
merkez.io/region: {{ .root.Values.region }}
{{- end }}

{{- define "merkez.image" -}}
{{- with .root.Values.image -}}
{{- if .registry }}{{ .registry }}/{{ end }}{{ .prefix }}-{{ $.service }}:{{ get .tags $.service | default .tag | default $.root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "merkez.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (ternary (include "merkez.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "merkez.natsUrl" -}}
{{- if .Values.nats.internal.enabled -}}
{{- if .Values.nats.url }}{{ fail "nats.url names a NATS of yours, nats.internal.enabled makes another: choose one" }}{{ end -}}
{{- if gt (int .Values.nats.streamReplicas) (int .Values.nats.internal.replicas) }}{{ fail "nats.streamReplicas is more than nats.internal.replicas: no stream could be made" }}{{ end -}}
{{ ternary "tls" "nats" .Values.mtls.enabled }}://{{ include "merkez.name" . }}-nats:4222
{{- else -}}
{{ required "nats.url is missing: name your NATS, or set nats.internal.enabled=true" .Values.nats.url }}
{{- end -}}
{{- end }}

{{- /* What telephony is told of its edges: 10.0.1.5:5060=203.0.113.5:5060,... */}}
{{- define "merkez.edges" -}}
{{- $v := .Values.kamailio }}
{{- if $v.enabled -}}
{{- if not .Values.telephony.sip.enabled }}{{ fail "kamailio.enabled needs telephony.sip.enabled=true: there is nothing behind it" }}{{ end }}
{{- if not $v.edges }}{{ fail "kamailio.edges is missing: the addresses of the machines it runs on, such as 10.0.1.5=203.0.113.5" }}{{ end }}
{{- if .Values.telephony.sip.edges }}{{ fail "telephony.sip.edges names edges of yours: leave it empty with kamailio.enabled" }}{{ end }}
{{- if .Values.telephony.sip.tlsSecret }}{{ fail "telephony.sip.tlsSecret has no use with kamailio.enabled: phones and carriers meet kamailio.tlsSecret" }}{{ end }}
{{- $told := list }}
{{- range $v.edges }}
{{- $told = append $told (printf "%s:%v" (replace "=" (printf ":%v=" $v.port) .) $v.port) }}
{{- end }}
{{- join "," $told }}
{{- else -}}
{{ .Values.telephony.sip.edges }}
{{- end -}}
{{- end }}

{{- define "merkez.otlp" -}}
{{- if .Values.telemetry.otlpEndpoint -}}
{{ .Values.telemetry.otlpEndpoint }}
{{- else if .Values.telemetry.collector.enabled -}}
{{ ternary "https" "http" .Values.mtls.enabled }}://{{ include "merkez.name" . }}-collector:4317
{{- end -}}
{{- end }}

{{- define "merkez.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "merkez.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "merkez.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "merkez.selector" $ | nindent 6 }}
{{- end }}
{{- end }}

{{- /* What every process is told. The database's password is in a file, which the kubelet renews. */}}
{{- define "merkez.env" -}}
{{- $v := .root.Values }}
{{- /* On a machine's own network at the address that neighbours know, not at its public one too. */}}
- {name: MERKEZ_GRPC_HOST, value: "{{ if and (eq .component "telephony") $v.telephony.hostNetwork }}$(POD_IP){{ else }}0.0.0.0{{ end }}"}
- {name: MERKEZ_GRPC_PORT, value: "7000"}
- {name: MERKEZ_REGION, value: {{ $v.region | quote }}}
{{- with $v.regions }}
{{- if not (has $v.region .) }}{{ fail "regions must have the region of this release among them" }}{{ end }}
- {name: MERKEZ_REGIONS, value: {{ join "," . | quote }}}
{{- end }}
- {name: MERKEZ_NATS_URL, value: {{ include "merkez.natsUrl" .root | quote }}}
- {name: MERKEZ_STREAM_REPLICAS, value: {{ $v.nats.streamReplicas | quote }}}
- {name: MERKEZ_INTERNAL_KEY, value: /etc/merkez/internal/{{ $v.secrets.internalKey.key }}}
{{- if $v.mtls.enabled }}
- {name: MERKEZ_TLS_CERTIFICATE, value: /etc/merkez/tls/tls.crt}
- {name: MERKEZ_TLS_KEY, value: /etc/merkez/tls/tls.key}
- {name: MERKEZ_TLS_AUTHORITY, value: /etc/merkez/tls/ca.crt}
{{- if ne .component "gateway" }}
- {name: MERKEZ_HEALTH_PORT, value: "7001"}
{{- end }}
{{- end }}
- {name: MERKEZ_LOG_LEVEL, value: {{ $v.telemetry.logLevel | quote }}}
- {name: MERKEZ_DATA_DIR, value: /var/lib/merkez}
- {name: MERKEZ_DRAIN_SECONDS, value: {{ .drainSeconds | quote }}}
{{- with include "merkez.otlp" .root }}
- {name: MERKEZ_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- if and $v.mtls.enabled $v.telemetry.collector.enabled (not $v.telemetry.otlpEndpoint) }}
- {name: OTEL_EXPORTER_OTLP_CERTIFICATE, value: /etc/merkez/tls/ca.crt}
{{- end }}
# Metrics say which pod they are of: the collector that shows them is another.
- {name: METRICS_POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: OTEL_RESOURCE_ATTRIBUTES, value: "service.instance.id=$(METRICS_POD),k8s.pod.name=$(METRICS_POD)"}
{{- end }}
{{- if ne .component "gateway" }}
{{- $host := required "database.host is missing: where CockroachDB or PostgreSQL answers" $v.database.host }}
{{- $at := printf "%s:%v/%s" $host $v.database.port $v.database.name }}
- {name: MERKEZ_DATABASE_URL, value: "{{ $v.database.dialect }}://merkez_{{ .component }}@{{ $at }}"}
- {name: MERKEZ_SYSTEM_DATABASE_URL, value: "{{ $v.database.dialect }}://merkez_{{ .component }}_system@{{ $at }}"}
- {name: MERKEZ_DATABASE_PASSWORD_FILE, value: /etc/merkez/database/role-password}
{{- if $v.database.tls.existingSecret }}
- {name: MERKEZ_DATABASE_TLS_AUTHORITY, value: /etc/merkez/database/{{ $v.database.tls.key }}}
{{- end }}
{{- end }}
{{- range $peer := concat (keys $v.services | sortAlpha) (list "telephony") }}
- {name: MERKEZ_{{ upper $peer }}_ADDRESS, value: "dns:///{{ include "merkez.name" $.root }}-{{ $peer }}:7000"}
{{- end }}
{{- range $name, $value := .env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- range $name, $from := .own.secretEnv }}
{{- if not (include "merkez.isLive" $name) }}
- {name: {{ $name }}, valueFrom: {secretKeyRef: {name: {{ $from.existingSecret }}, key: {{ $from.key }}}}}
{{- end }}
{{- end }}
{{- range $name, $_ := include "merkez.given" . | fromYaml }}
- {name: {{ $name }}_FILE, value: /etc/merkez/given/{{ $name }}}
{{- end }}
{{- end }}

{{- /* Others' secrets that a process takes up while it runs; what else is in secretEnv is read when it starts. */}}
{{- define "merkez.isLive" -}}
{{- if has . (list "MERKEZ_TURN_SECRET" "MERKEZ_SMTP_URL" "MERKEZ_OIDC_CLIENT_SECRET" "MERKEZ_CARRIER_TOKEN" "MERKEZ_CARRIER_WEBHOOK_SECRET" "MERKEZ_STRIPE_API_KEY" "MERKEZ_STRIPE_WEBHOOK_SECRET" "MERKEZ_LAGO_API_KEY") }}yes{{ end }}
{{- end }}

{{- /* Those of a component: variable -> secret and key. */}}
{{- define "merkez.given" -}}
{{- $given := dict }}
{{- $named := dict "tenancy" (dict "MERKEZ_SMTP_URL" .root.Values.secrets.smtp "MERKEZ_OIDC_CLIENT_SECRET" .root.Values.secrets.oidc) "telephony" (dict "MERKEZ_TURN_SECRET" .root.Values.secrets.turn) }}
{{- range $name, $from := merge (dict) .own.secretEnv (get $named .component | default dict) }}
{{- if and $from.existingSecret (include "merkez.isLive" $name) }}{{ $_ := set $given $name $from }}{{ end }}
{{- end }}
{{- toYaml $given }}
{{- end }}

{{- define "merkez.givenVolume" -}}
{{- with include "merkez.given" . | fromYaml }}
- name: given
  projected:
    defaultMode: 0440
    sources:
      {{- range $name, $from := . }}
      - secret: {name: {{ $from.existingSecret }}, items: [{key: {{ $from.key }}, path: {{ $name }}}]}
      {{- end }}
{{- end }}
{{- end }}

{{- define "merkez.givenMount" -}}
{{- if include "merkez.given" . | fromYaml }}
- {name: given, mountPath: /etc/merkez/given, readOnly: true}
{{- end }}
{{- end }}

{{- /* What a service is given of the database's secrets; the administrator's URL isn't among it. */}}
{{- define "merkez.databaseVolume" -}}
- name: database
  projected:
    defaultMode: 0440
    sources:
      - secret: {name: {{ .Values.database.existingSecret }}, items: [{key: role-password, path: role-password}]}
      {{- with .Values.database.tls }}
      {{- if .existingSecret }}
      - secret: {name: {{ .existingSecret }}, items: [{key: {{ .key }}, path: {{ .key }}}]}
      {{- end }}
      {{- end }}
{{- end }}

{{- define "merkez.mounts" -}}
{{- if .Values.mtls.enabled }}
- {name: tls, mountPath: /etc/merkez/tls, readOnly: true}
{{- end }}
- {name: internal, mountPath: /etc/merkez/internal, readOnly: true}
- {name: data, mountPath: /var/lib/merkez}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- /* Takes {root, component}: each component has a certificate of its own. */}}
{{- define "merkez.volumes" -}}
- name: internal
  secret: {secretName: {{ .root.Values.secrets.internalKey.existingSecret }}, defaultMode: 0440}
{{- if .root.Values.mtls.enabled }}
- name: tls
  secret: {secretName: {{ include "merkez.tlsSecret" . }}, defaultMode: 0440}
{{- end }}
- {name: data, emptyDir: {}}
- {name: tmp, emptyDir: {}}
{{- end }}

{{- define "merkez.podMeta" -}}
labels:
  {{- include "merkez.labels" . | nindent 2 }}
  {{- with .root.Values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with .root.Values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "merkez.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - {name: {{ . }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "merkez.podCommon" -}}
{{- $v := .root.Values }}
{{- include "merkez.pullSecrets" .root }}
{{- with $v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .own.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .own.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints: {{- include "merkez.spread" . | nindent 2 }}
{{- end }}

{{- /* The port of an address, or what it is without one: takes (list address default). */}}
{{- define "merkez.port" -}}
{{- regexFind ":[0-9]+$" (regexReplaceAll "/.*$" (regexReplaceAll "^[a-z]+://" (first .) "") "") | trimPrefix ":" | default (last . | toString) }}
{{- end }}

{{- define "merkez.tlsSecret" -}}{{ include "merkez.name" .root }}-{{ .component }}-tls{{- end }}

{{- /* Where a kubelet asks: it can't show a certificate, so there is a port for it that answers nothing else. */}}
{{- define "merkez.healthPort" -}}{{ ternary 7001 7000 .Values.mtls.enabled }}{{- end }}

{{/* A NATS block of mutual TLS by the files of a folder. */}}
{{- define "merkez.natsTls" -}}
tls { cert_file: {{ . }}/tls.crt, key_file: {{ . }}/tls.key, ca_file: {{ . }}/ca.crt, verify: true }
{{- end }}
