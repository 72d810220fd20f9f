{{/* The name of all objects. A release called claviger gives claviger. */}}
{{- define "claviger.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "claviger.serviceAccount" -}}
{{- default (include "claviger.fullname" .) .Values.serviceAccount.name -}}
{{- end }}

{{/* How the API server calls the provider. */}}
{{- define "claviger.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "claviger.serviceAccount" . }}
{{- end }}

{{- define "claviger.versionKeySecret" -}}
{{- default (printf "%s-version-key" (include "claviger.fullname" .)) .Values.versionKey.secretName -}}
{{- end }}

{{- define "claviger.policyConfigMap" -}}
{{- default (printf "%s-policy" (include "claviger.fullname" .)) .Values.policy.existingConfigMap -}}
{{- end }}

{{- define "claviger.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "claviger.labels" -}}
{{ include "claviger.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Metadata of an object without a namespace: include "claviger.clusterMetadata" (list . "suffix"). */}}
{{- define "claviger.clusterMetadata" -}}
{{- $root := index . 0 -}}
name: {{ include "claviger.fullname" $root }}{{ with index . 1 }}-{{ . }}{{ end }}
labels:
  {{- include "claviger.labels" $root | nindent 2 }}
{{- end }}

{{- define "claviger.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "claviger.fullname" $root }}{{ with index . 1 }}-{{ . }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "claviger.labels" $root | nindent 2 }}
{{- end }}

{{- define "claviger.subjects" -}}
- kind: ServiceAccount
  name: {{ include "claviger.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
