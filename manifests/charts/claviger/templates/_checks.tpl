{{/* What a schema cannot say, each with its remedy. */}}
{{- define "claviger.check" -}}
{{- if and (not .Values.image.digest) (ne .Values.image.pullPolicy "Never") -}}
{{- fail "image.digest is empty, and a tag alone can name another image tomorrow. Set image.digest (sha256:…), or image.pullPolicy=Never for an image that was loaded onto the nodes." -}}
{{- end -}}
{{- $grace := .Values.terminationGracePeriodSeconds -}}
{{- $drain := int64 .Values.settings.drainSeconds -}}
{{- if and (not (kindIs "invalid" $grace)) (lt (int64 $grace) (add $drain 5)) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d, and settings.drainSeconds %d: kubelet would kill the provider while mounts are ending. Leave 5 seconds or more between them, or leave terminationGracePeriodSeconds out." (int64 $grace) $drain) -}}
{{- end -}}
{{- if and .Values.versionKey.secretName .Values.versionKey.existingSecret -}}
{{- fail "versionKey.secretName and versionKey.existingSecret are both set: the first is made by the provider, the second by you. Set one of them." -}}
{{- end -}}
{{- if and .Values.state.keepValues (not .Values.state.enabled) -}}
{{- fail "state.keepValues needs state.enabled: there is nowhere to keep the values." -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.create is false: set serviceAccount.name to the account that you made." -}}
{{- end -}}
{{- include "claviger.checkFurther" . -}}
{{- end }}

{{/* What is passed through as it is may not undo what the chart promises. */}}
{{- define "claviger.checkFurther" -}}
{{- range .Values.extraEnv -}}
{{- if regexMatch "^(CLAVIGER_|NODE_OPTIONS$)" .name -}}
{{- fail (printf "extraEnv: %s is refused. Flags have values of their own in this chart, and Node's options could open the process to a debugger." .name) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraVolumes -}}
{{- if has .name (list "sockets" "policy" "state" "version-key" "token-keys" "sealing" "ca") -}}
{{- fail (printf "extraVolumes: the name %s is the chart's own. Choose another one." .name) -}}
{{- end -}}
{{- end -}}
{{- $monitoring := .Values.monitoring -}}
{{- $labels := list .Values.commonLabels .Values.podLabels $monitoring.serviceMonitor.labels $monitoring.prometheusRule.labels $monitoring.dashboard.labels -}}
{{- range $labels -}}
{{- range $name, $_ := . -}}
{{- if regexMatch "^(app\\.kubernetes\\.io/(name|instance|version|managed-by)|helm\\.sh/chart)$" $name -}}
{{- fail (printf "labels: %s is the chart's own, which selectors depend on. Set nameOverride or choose another label." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := .Values.podAnnotations -}}
{{- if regexMatch "apparmor|^checksum/policy$|^kubectl\\.kubernetes\\.io/default-container$" $name -}}
{{- fail (printf "podAnnotations: %s is refused. AppArmor's confinement stays as it is, and the chart's own annotations are its own." $name) -}}
{{- end -}}
{{- end -}}
{{- end }}
