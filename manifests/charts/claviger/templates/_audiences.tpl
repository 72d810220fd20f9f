{{/*
The audiences of the tokens that the driver must hand out, as a YAML list: those of the served dialects, and for
classes of `provider: claviger` those of the policy's stores by their type, or of every type where none is named.
*/}}
{{- define "claviger.audiences" -}}
{{- $ofType := dict "strongroom" "claviger" "vault" "vault" -}}
{{- $ofDialect := dict "vault" "vault" "openbao" "openbao" -}}
{{- $audiences := list -}}
{{- range .Values.providers -}}
{{- with get $ofDialect . }}{{ $audiences = append $audiences . }}{{ end -}}
{{- end -}}
{{- if has "claviger" .Values.providers -}}
{{- with .Values.policy.content.stores -}}
{{- range $store := . -}}
{{- with get $ofType (default "" $store.type) }}{{ $audiences = append $audiences . }}{{ end -}}
{{- end -}}
{{- else -}}
{{- $audiences = concat (values $ofType | sortAlpha) $audiences -}}
{{- end -}}
{{- end -}}
{{- uniq $audiences | toYaml -}}
{{- end }}
