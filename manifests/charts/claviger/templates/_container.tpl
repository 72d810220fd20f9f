{{- define "claviger.image" -}}
{{- with .Values.image -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{/* Whether nobody has said yet where the image is. */}}
{{- define "claviger.imageIsExample" -}}
{{- if hasPrefix "registry.example/" .Values.image.repository }}true{{ end -}}
{{- end }}

{{- define "claviger.environment" -}}
{{- if include "claviger.needsNodeName" . }}
- name: CLAVIGER_NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- end }}
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.exceptions }}
- name: NO_PROXY
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The driver's socket directory belongs to root, so root is the default. Nothing else about it can be changed. */}}
{{- define "claviger.securityContext" -}}
{{- $user := ternary 65532 0 (eq .Values.runAs "nonRoot") -}}
runAsUser: {{ $user }}
runAsGroup: {{ $user }}
{{- if eq .Values.runAs "nonRoot" }}
runAsNonRoot: true
{{- end }}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- with .Values.seLinuxOptions }}
seLinuxOptions:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A probe of a path: include "claviger.probe" (list "/readyz" .Values.probes.readiness). */}}
{{- define "claviger.probe" -}}
httpGet: {path: {{ index . 0 }}, port: http}
{{ index . 1 | toYaml }}
{{- end }}
