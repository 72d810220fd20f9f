{{/* The node's name is needed by all that concerns this node's pods, or the node itself. */}}
{{- define "claviger.needsNodeName" -}}
{{- if or .Values.push.enabled .Values.watchPods.enabled .Values.nodeRegion.enabled .Values.events.enabled .Values.startupTaint.enabled }}true{{ end -}}
{{- end }}

{{/* The arguments of the program, as a YAML list. */}}
{{- define "claviger.arguments" -}}
{{- $flags := list "serve" "--socket-dir=/sockets" (printf "--providers=%s" (join "," .Values.providers)) -}}
{{- $flags = append $flags "--policy=/etc/claviger/policy/policy.yaml" -}}
{{- $flags = append $flags (printf "--http=:%d" (int64 .Values.http.port)) -}}
{{- $flags = concat $flags (include "claviger.keyFlags" . | fromYamlArray) -}}
{{- if .Values.state.enabled -}}
{{- $flags = concat $flags (list "--state-dir=/state" (printf "--keep-values=%s" (ternary "on" "off" .Values.state.keepValues))) -}}
{{- end -}}
{{- with .Values.caBundle -}}
{{- if .configMap }}{{ $flags = append $flags (printf "--ca-file=/etc/claviger/ca/%s" .key) }}{{ end -}}
{{- end -}}
{{- if .Values.push.enabled }}{{ $flags = append $flags "--push=annotation" }}{{ end -}}
{{- if .Values.events.enabled }}{{ $flags = append $flags "--events=on" }}{{ end -}}
{{- with .Values.startupTaint -}}
{{- if .enabled }}{{ $flags = append $flags (printf "--startup-taint=%s" .key) }}{{ end -}}
{{- end -}}
{{- range $name, $value := .Values.settings -}}
{{- /* A number comes as a float, which would be written as 1.6777216e+07. */ -}}
{{- $text := ternary (toString $value) (printf "%d" (int64 $value)) (kindIs "string" $value) -}}
{{- if ne $text "" }}{{ $flags = append $flags (printf "--%s=%s" (kebabcase $name) $text) }}{{ end -}}
{{- end -}}
{{- toYaml $flags -}}
{{- end }}

{{/* The flags for the keys of tokens and of object versions, as a YAML list. */}}
{{- define "claviger.keyFlags" -}}
{{- $flags := list (printf "--token-verification=%s" .Values.tokens.verification) -}}
{{- with .Values.tokens -}}
{{- if .keysConfigMap }}{{ $flags = append $flags (printf "--token-keys=/etc/claviger/token-keys/%s" .keysKey) }}{{ end -}}
{{- if .issuer }}{{ $flags = append $flags (printf "--token-issuer=%s" .issuer) }}{{ end -}}
{{- end -}}
{{- if .Values.versionKey.existingSecret -}}
{{- $flags = append $flags "--version-key=/etc/claviger/version-key/key" -}}
{{- else -}}
{{- $flags = append $flags (printf "--version-key-secret=%s/%s" .Release.Namespace (include "claviger.versionKeySecret" .)) -}}
{{- end -}}
{{- toYaml $flags -}}
{{- end }}
