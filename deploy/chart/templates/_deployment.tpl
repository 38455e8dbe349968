{{/*
A Deployment of workers. `root` is the chart's scope, `component` the last part of its name, `replicas` their number,
`options` are those of the command, and `credentials` those of their fabrics. Without options they run the loops.
*/}}
{{- define "fabric-sync.deployment" -}}
{{- $runsLoops := not .options -}}
{{- $secrets := include "fabric-sync.mountedSecrets" . | fromYamlArray -}}
{{- with .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "fabric-sync.fullname" . }}-{{ $.component }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "fabric-sync.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ $.component }}
spec:
  replicas: {{ $.replicas }}
  strategy:
    rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
  selector:
    matchLabels:
      {{- include "fabric-sync.selectorLabels" . | nindent 6 }}
      app.kubernetes.io/component: {{ $.component }}
  template:
    metadata:
      {{- with .Values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      labels:
        {{- include "fabric-sync.labels" . | nindent 8 }}
        app.kubernetes.io/component: {{ $.component }}
        {{- with .Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "fabric-sync.serviceAccountName" . }}
      automountServiceAccountToken: false # a worker asks nothing of the cluster that it runs in
      enableServiceLinks: false
      {{- with .Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      terminationGracePeriodSeconds: {{ add .Values.gracefulShutdownSeconds 15 }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        fsGroup: 1000
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: worker
          image: {{ include "fabric-sync.image" . | quote }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          args:
            - fabric-sync-worker
            {{- range $.options }}
            - {{ . | quote }}
            {{- end }}
          env:
            {{- include "fabric-sync.env" . | nindent 12 }}
            {{- if $runsLoops }}
            {{- with include "fabric-sync.loopEnv" . }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- end }}
            {{- with .Values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            - {name: metrics, containerPort: {{ .Values.metrics.port }}}
            {{- if and $runsLoops .Values.webhook.enabled }}
            - {name: webhook, containerPort: {{ .Values.webhook.port }}}
            {{- end }}
          # A worker that hangs is found within half a minute: /livez fails after 15 s.
          livenessProbe:
            httpGet: {path: /livez, port: metrics}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          readinessProbe:
            httpGet: {path: /readyz, port: metrics}
            periodSeconds: 10
            timeoutSeconds: 5
          startupProbe:
            httpGet: {path: /livez, port: metrics}
            periodSeconds: 2
            timeoutSeconds: 5
            failureThreshold: 60
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          volumeMounts:
            - {name: cache, mountPath: /var/cache/fabric-sync}
            - {name: tmp, mountPath: /tmp}
            {{- range $secrets }}
            - {name: {{ .volume }}, mountPath: {{ .path }}, readOnly: true}
            {{- end }}
            {{- with .Values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: cache # of Git, 10 GB at most; whatever is lost is fetched again
          emptyDir: {sizeLimit: 11Gi}
        - name: tmp
          emptyDir: {sizeLimit: 1Gi}
        {{- range $secrets }}
        - name: {{ .volume }}
          secret: {secretName: {{ .secret | quote }}, defaultMode: 0440}
        {{- end }}
        {{- with .Values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- range . }}
        - {{- toYaml . | nindent 10 }}
          labelSelector:
            matchLabels:
              {{- include "fabric-sync.selectorLabels" $.root | nindent 14 }}
              app.kubernetes.io/component: {{ $.component }}
        {{- end }}
      {{- end }}
{{- end }}
{{- end }}

{{/* Variables of all workers. */}}
{{- define "fabric-sync.env" -}}
- name: FABRIC_SYNC_NETBOX_URL
  value: {{ required "netbox.url is missing: --set netbox.url=https://netbox.example.com" .Values.netbox.url | quote }}
- name: FABRIC_SYNC_NETBOX_TOKEN_FILE
  value: /etc/fabric-sync/netbox/{{ .Values.netbox.tokenSecret.key }}
- name: TEMPORAL_ADDRESS
  value: {{ required "temporal.address is missing: --set temporal.address=temporal.example.com:7233" .Values.temporal.address | quote }}
- name: TEMPORAL_NAMESPACE
  value: {{ .Values.temporal.namespace | quote }}
{{- if .Values.temporal.configSecret.name }}
- name: TEMPORAL_CONFIG_FILE
  value: /etc/fabric-sync/temporal/{{ .Values.temporal.configSecret.key }}
{{- end }}
{{- if .Values.encryptionKeysSecret.name }}
- name: FABRIC_SYNC_ENCRYPTION_KEYS_FILE
  value: /etc/fabric-sync/encryption/{{ .Values.encryptionKeysSecret.key }}
{{- end }}
- name: FABRIC_SYNC_METRICS_HOST
  value: 0.0.0.0
- name: FABRIC_SYNC_METRICS_PORT
  value: {{ .Values.metrics.port | quote }}
- name: FABRIC_SYNC_GRACEFUL_SHUTDOWN
  value: {{ .Values.gracefulShutdownSeconds | quote }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Variables of the workers that run the loops. */}}
{{- define "fabric-sync.loopEnv" -}}
{{- if .Values.webhook.enabled -}}
- name: FABRIC_SYNC_WEBHOOK_HOST
  value: 0.0.0.0
- name: FABRIC_SYNC_WEBHOOK_PORT
  value: {{ .Values.webhook.port | quote }}
- name: FABRIC_SYNC_WEBHOOK_SECRET_FILE
  value: /etc/fabric-sync/webhook/{{ .Values.webhook.secret.key }}
{{- end }}
{{- if .Values.notificationsSecret.name }}
- name: FABRIC_SYNC_NOTIFICATIONS_FILE
  value: /etc/fabric-sync/notifications/{{ .Values.notificationsSecret.key }}
{{- end }}
{{- with .Values.versioning.deploymentName }}
- name: FABRIC_SYNC_DEPLOYMENT_NAME
  value: {{ . | quote }}
- name: FABRIC_SYNC_BUILD_ID
  value: {{ $.Values.versioning.buildId | default (include "fabric-sync.tag" $) | quote }}
{{- end }}
{{- end }}

{{/* Secrets that such a Deployment mounts as folders, so that new ones arrive in running workers. */}}
{{- define "fabric-sync.mountedSecrets" -}}
{{- with .root.Values -}}
- volume: netbox
  secret: {{ required "netbox.tokenSecret.name is missing: the Secret with the token that `fabric-sync setup` prints" .netbox.tokenSecret.name | quote }}
  path: /etc/fabric-sync/netbox
{{- with .temporal.configSecret.name }}
- volume: temporal
  secret: {{ . | quote }}
  path: /etc/fabric-sync/temporal
{{- end }}
{{- with .encryptionKeysSecret.name }}
- volume: encryption
  secret: {{ . | quote }}
  path: /etc/fabric-sync/encryption
{{- end }}
{{- if and .webhook.enabled (not $.options) }}
- volume: webhook
  secret: {{ required "webhook.secret.name is missing: the Secret with what senders sign webhooks with" .webhook.secret.name | quote }}
  path: /etc/fabric-sync/webhook
{{- end }}
{{- if and .notificationsSecret.name (not $.options) }}
- volume: notifications
  secret: {{ .notificationsSecret.name | quote }}
  path: /etc/fabric-sync/notifications
{{- end }}
{{- end }}
{{- range $name, $credential := .credentials }}
- volume: credential-{{ $name | sha256sum | trunc 12 }}
  secret: {{ $credential.secretName | quote }}
  path: /etc/fabric-sync/credentials/{{ $name }}
{{- end }}
{{- end }}
