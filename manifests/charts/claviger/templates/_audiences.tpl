{{/*
The audience of the tokens that a store takes, by its type and its options in the policy: its own `audience`, or what
follows from them, or the type's usual one. Nothing where the options do not tell. The API server's own audience, whose
name is empty, is called `the API server` here.
*/}}
{{- define "claviger.audienceOf" -}}
{{- $usual := dict "strongroom" "claviger" "sealed" "claviger" "vault" "vault" "openbao" "openbao" "conjur" "conjur" "aws" "sts.amazonaws.com" "confidant" "sts.amazonaws.com" "azure" "api://AzureADTokenExchange" "cyberark-epv" "" -}}
{{- if .options.audience -}}
{{- .options.audience -}}
{{- else if and (eq .type "aws") (eq (default "" .options.identity) "pod") -}}
pods.eks.amazonaws.com
{{- else if and (eq .type "azure") (eq (default "" .options.identity) "binding") -}}
api://AKSIdentityBinding
{{- else if and (eq .type "kubernetes") (not .options.address) -}}
the API server
{{- else if eq .type "gcp" -}}
{{- if contains "workloadIdentityPools/" (default "" .options.identityProvider) -}}
//iam.googleapis.com/{{ regexFind "projects/.*" .options.identityProvider }}
{{- else -}}
{{- default "" .options.workloadPool -}}
{{- end -}}
{{- else -}}
{{- get $usual .type -}}
{{- end -}}
{{- end }}

{{/*
The audiences of the tokens that the driver must hand out, as a YAML list: those of the served dialects, and for
classes of `provider: claviger` those of the policy's stores, or the usual one of every type where none is named.
*/}}
{{- define "claviger.audiences" -}}
{{- $policy := .Values.policy.content -}}
{{- $audiences := list -}}
{{- range without .Values.providers "claviger" -}}
{{- $options := get (default dict $policy.dialects) . | default dict -}}
{{- $audiences = append $audiences (include "claviger.audienceOf" (dict "type" . "options" $options)) -}}
{{- /* The class chooses between two ways to log in. */ -}}
{{- if eq . "aws" }}{{ $audiences = append $audiences "pods.eks.amazonaws.com" }}{{ end -}}
{{- end -}}
{{- if has "claviger" .Values.providers -}}
{{- with $policy.stores -}}
{{- range $store := . -}}
{{- $audiences = append $audiences (include "claviger.audienceOf" (dict "type" (default "" $store.type) "options" $store)) -}}
{{- end -}}
{{- else -}}
{{- range list "aws" "azure" "conjur" "strongroom" "vault" -}}
{{- $audiences = append $audiences (include "claviger.audienceOf" (dict "type" . "options" dict)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $named := without (uniq $audiences) "" "the API server" -}}
{{- if has "the API server" $audiences }}{{ $named = append $named "" }}{{ end -}}
{{- $named | toYaml -}}
{{- end }}
