{{- define "fabric-sync.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, with that of the chart unless it has it already. */}}
{{- define "fabric-sync.fullname" -}}
{{- $name := include "fabric-sync.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{ .Values.fullnameOverride | default $full | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* What selects the Pods of this release. */}}
{{- define "fabric-sync.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fabric-sync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "fabric-sync.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "fabric-sync.selectorLabels" . }}
{{- end }}

{{- define "fabric-sync.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "fabric-sync.fullname" .) "default") }}
{{- end }}

{{- define "fabric-sync.tag" -}}
{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "fabric-sync.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ include "fabric-sync.tag" . }}{{ end }}
{{- end }}
