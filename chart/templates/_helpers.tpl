{{/* What Auto DevOps calls the environment: every track shares it, and the stable Service selects by it. */}}
{{- define "customerinfo.app" -}}
{{- default .Release.Name .Values.releaseOverride -}}
{{- end -}}

{{- define "customerinfo.track" -}}
{{- default "stable" .Values.application.track -}}
{{- end -}}

{{- define "customerinfo.stable" -}}
{{- if eq (include "customerinfo.track" .) "stable" -}}true{{- end -}}
{{- end -}}

{{/* The web Deployment's name, which Auto DevOps waits for: never shorten it. */}}
{{- define "customerinfo.name" -}}
{{- $app := include "customerinfo.app" . -}}
{{- if include "customerinfo.stable" . -}}{{ $app }}{{- else -}}{{ $app }}-{{ include "customerinfo.track" . }}{{- end -}}
{{- end -}}

{{/* Everything else: <name>-<suffix> in at most 63 characters. Usage: (list . "worker") */}}
{{- define "customerinfo.named" -}}
{{- $room := int (sub 62 (len (index . 1))) -}}
{{- printf "%s-%s" (include "customerinfo.name" (index . 0) | trunc $room | trimSuffix "-") (index . 1) -}}
{{- end -}}

{{/* --set passes strings as well: "" and "false" are off. */}}
{{- define "customerinfo.on" -}}
{{- if has (toString .) (list "true" "1") -}}true{{- end -}}
{{- end -}}

{{- define "customerinfo.host" -}}
{{- $url := default .Values.service.url .Values.baseUrl -}}
{{- regexReplaceAll "^https?://" $url "" | regexFind "^[^/:]*" -}}
{{- end -}}

{{- define "customerinfo.tls" -}}
{{- if and (include "customerinfo.on" .Values.ingress.enabled) (include "customerinfo.on" .Values.ingress.tls.enabled) -}}true{{- end -}}
{{- end -}}

{{- define "customerinfo.scheme" -}}
{{- if .Values.baseUrl -}}{{ regexFind "^[a-z]+" .Values.baseUrl }}
{{- else -}}{{ ternary "https" "http" (or (eq (include "customerinfo.tls" .) "true") (eq (include "customerinfo.on" .Values.caddy.enabled) "true")) }}
{{- end -}}
{{- end -}}

{{/* Auto DevOps says http:// even where the Ingress has a certificate. */}}
{{- define "customerinfo.baseUrl" -}}
{{- if .Values.baseUrl -}}{{ trimSuffix "/" .Values.baseUrl }}
{{- else if .Values.service.url -}}{{ include "customerinfo.scheme" . }}://{{ include "customerinfo.host" . }}
{{- end -}}
{{- end -}}

{{/* An empty one arrives as "", several as a list. Printed one a line. */}}
{{- define "customerinfo.additionalHosts" -}}
{{- $hosts := .Values.service.additionalHosts -}}
{{- if kindIs "string" $hosts -}}{{- $hosts = splitList "," $hosts -}}{{- end -}}
{{- range $hosts -}}{{- with trim (toString .) -}}{{ . }}
{{ end -}}{{- end -}}
{{- end -}}

{{- define "customerinfo.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag | toString -}}
{{- ternary (printf "%s@%s" .Values.image.repository $tag) (printf "%s:%s" .Values.image.repository $tag) (hasPrefix "sha256:" $tag) -}}
{{- end -}}

{{- define "customerinfo.labels" -}}
app.kubernetes.io/name: customerinfo
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
app: {{ include "customerinfo.app" . | quote }}
track: {{ include "customerinfo.track" . | quote }}
{{- end -}}

{{/* Usage: (list . "web"). Without the track: what stable resources use to cover every track. */}}
{{- define "customerinfo.component" -}}
app: {{ include "customerinfo.app" (index . 0) | quote }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end -}}

{{- define "customerinfo.selector" -}}
{{ include "customerinfo.component" . }}
track: {{ include "customerinfo.track" (index . 0) | quote }}
{{- end -}}

{{- define "customerinfo.gitlabAnnotations" -}}
{{- with .Values.gitlab.app }}
app.gitlab.com/app: {{ . | quote }}
{{- end }}
{{- with .Values.gitlab.env }}
app.gitlab.com/env: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Usage: (list . "web") */}}
{{- define "customerinfo.podMetadata" -}}
{{- $ := index . 0 -}}
labels:
  {{- include "customerinfo.labels" $ | nindent 2 }}
  app.kubernetes.io/component: {{ index . 1 | quote }}
  {{- with $.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/environment: {{ printf "%s%s" (include "customerinfo.configData" $) (include "customerinfo.secretData" $) | sha256sum }}
  {{- with $.Values.application.secretChecksum }}
  checksum/application-secrets: {{ . | quote }}
  {{- end }}
  {{- with include "customerinfo.gitlabAnnotations" $ | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What every pod of ours has in common, up to its containers. */}}
{{- define "customerinfo.hookPod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- $pull := list }}
{{- range .Values.image.secrets }}{{ with .name }}{{ $pull = append $pull (dict "name" .) }}{{ end }}{{ end }}
{{- with $pull }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 2Gi
{{- end -}}

{{- define "customerinfo.pod" -}}
{{ include "customerinfo.hookPod" . }}
{{- if ne .Values.media.storage "s3" }}
  - name: media
    {{- if eq .Values.media.storage "claim" }}
    persistentVolumeClaim:
      claimName: {{ default (include "customerinfo.mediaClaim" .) .Values.media.claim.existing }}
    {{- else }}
    emptyDir:
      sizeLimit: 1Gi
    {{- end }}
{{- end }}
{{- end -}}

{{/* Without the track: a canary shares it. */}}
{{- define "customerinfo.mediaClaim" -}}
{{- printf "%s-media" (include "customerinfo.app" . | trunc 57 | trimSuffix "-") -}}
{{- end -}}

{{- define "customerinfo.serviceAccount" -}}
{{- if include "customerinfo.on" .Values.serviceAccount.create -}}
serviceAccountName: {{ default (include "customerinfo.name" .) .Values.serviceAccount.name }}
{{- else -}}
serviceAccountName: {{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* A hook runs before the release's own ServiceAccount is there. */}}
{{- define "customerinfo.hookServiceAccount" -}}
serviceAccountName: {{ if include "customerinfo.on" .Values.serviceAccount.create }}default{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end -}}

{{- define "customerinfo.hookContainer" -}}
image: {{ include "customerinfo.image" . | quote }}
imagePullPolicy: {{ default "IfNotPresent" .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{- define "customerinfo.container" -}}
{{ include "customerinfo.hookContainer" . }}
{{- if ne .Values.media.storage "s3" }}
  - name: media
    mountPath: /data/media
{{- end }}
{{- end -}}

{{/* Later sources win. */}}
{{- define "customerinfo.envFrom" -}}
envFrom:
  - configMapRef:
      name: {{ include "customerinfo.named" (list . "env") }}
  - secretRef:
      name: {{ include "customerinfo.named" (list . "env") }}
  {{- with include "customerinfo.envFromGiven" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "customerinfo.envFromGiven" -}}
{{- range .Values.secrets.existing }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- with .Values.application.secretName }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end -}}

{{/* Variables that are no secret. */}}
{{- define "customerinfo.configData" -}}
{{- with include "customerinfo.baseUrl" . }}
BASE_URL: {{ . | quote }}
{{- end }}
{{- with .Values.operatorHost }}
OPERATOR_HOST: {{ . | quote }}
{{- end }}
LOG_LEVEL: {{ default "INFO" .Values.logLevel | quote }}
{{- if include "customerinfo.on" .Values.metrics.enabled }}
METRICS_HOST: 0.0.0.0
METRICS_PORT: {{ .Values.metrics.port | quote }}
{{- end }}
SENTRY_RELEASE: {{ default .Chart.AppVersion .Values.image.tag | toString | quote }}
{{- if eq .Values.media.storage "s3" }}
MEDIA_STORAGE: {{ required "media.s3.url is needed with media.storage=s3" .Values.media.s3.url | quote }}
{{- end }}
{{- range $name, $value := .Values.config }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "customerinfo.secretData" -}}
{{- if include "customerinfo.on" .Values.postgresql.enabled }}
{{- $password := required "postgresql.postgresPassword is needed with postgresql.enabled" .Values.postgresql.postgresPassword }}
DATABASE_URL: {{ printf "postgres://%s:%s@%s:5432/%s" (.Values.postgresql.postgresUser | toString | urlquery) ($password | toString | urlquery | replace "+" "%20") (include "customerinfo.named" (list . "postgresql")) .Values.postgresql.postgresDatabase | quote }}
{{- else if .Values.application.database_url }}
DATABASE_URL: {{ .Values.application.database_url | quote }}
{{- end }}
{{- if include "customerinfo.on" .Values.redis.enabled }}
REDIS_URL: {{ printf "redis://%s:6379/0" (include "customerinfo.named" (list . "redis")) | quote }}
{{- end }}
{{- range $name, $value := .Values.secrets.values }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end -}}
