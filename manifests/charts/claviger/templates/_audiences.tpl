{{/*
The audiences of the tokens that the driver must hand out, as a YAML list: those of the served dialects, and for
classes of `provider: claviger` those of the policy's stores by their type, or of every type where none is named.
*/}}
{{- define "claviger.audiences" -}}
{{- $ofType := dict "strongroom" "claviger" "vault" "vault" "aws" "sts.amazonaws.com" -}}
{{- $ofDialect := dict "vault" (list "vault") "openbao" (list "openbao") "aws" (list "sts.amazonaws.com" "pods.eks.amazonaws.com") -}}
{{- $audiences := list -}}
{{- range .Values.providers -}}
{{- with get $ofDialect . }}{{ $audiences = concat $audiences . }}{{ end -}}
{{- end -}}
{{- if has "claviger" .Values.providers -}}
{{- with .Values.policy.content.stores -}}
{{- range $store := . -}}
{{- if and (eq (default "" $store.type) "aws") (eq (default "" $store.identity) "pod") -}}
{{- $audiences = append $audiences "pods.eks.amazonaws.com" -}}
{{- else -}}
{{- with get $ofType (default "" $store.type) }}{{ $audiences = append $audiences . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- else -}}
{{- $audiences = concat (values $ofType | sortAlpha) $audiences -}}
{{- end -}}
{{- end -}}
{{- uniq $audiences | toYaml -}}
{{- end }}
