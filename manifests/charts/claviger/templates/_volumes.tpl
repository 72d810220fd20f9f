{{- define "claviger.volumeMounts" -}}
- name: sockets
  mountPath: /sockets
- name: policy
  mountPath: /etc/claviger/policy
  readOnly: true
{{- if .Values.state.enabled }}
- name: state
  mountPath: /state
{{- end }}
{{- if .Values.versionKey.existingSecret }}
- name: version-key
  mountPath: /etc/claviger/version-key
  readOnly: true
{{- end }}
{{- if .Values.tokens.keysConfigMap }}
- name: token-keys
  mountPath: /etc/claviger/token-keys
  readOnly: true
{{- end }}
{{- if .Values.sealing.existingSecret }}
- name: sealing
  mountPath: /etc/claviger/sealing
  readOnly: true
{{- end }}
{{- if .Values.caBundle.configMap }}
- name: ca
  mountPath: /etc/claviger/ca
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "claviger.volumes" -}}
- name: sockets
  hostPath:
    path: {{ .Values.socketDirectory }}
    {{- /* A directory that kubelet makes is root's, so nonRoot needs one that is there. */}}
    type: {{ ternary "Directory" "DirectoryOrCreate" (eq .Values.runAs "nonRoot") }}
- name: policy
  configMap:
    name: {{ include "claviger.policyConfigMap" . }}
{{- if .Values.state.enabled }}
- name: state
  emptyDir:
    medium: Memory
    sizeLimit: {{ .Values.state.sizeLimit }}
{{- end }}
{{- with .Values.versionKey.existingSecret }}
- name: version-key
  secret:
    secretName: {{ . }}
    defaultMode: 0400
    items:
      - {key: key, path: key}
{{- end }}
{{- with .Values.tokens.keysConfigMap }}
- name: token-keys
  configMap:
    name: {{ . }}
{{- end }}
{{- with .Values.sealing.existingSecret }}
- name: sealing
  secret:
    secretName: {{ . }}
    defaultMode: 0400
{{- end }}
{{- with .Values.caBundle.configMap }}
- name: ca
  configMap:
    name: {{ . }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
