import type { Values } from "./helm.ts";

const digest = `sha256:${"1".repeat(64)}`;

/** Ways in which people set the chart up. Together they use every value. */
export const renderings: Readonly<Record<string, Values>> = {
	"the default values": {},
	"an image that was loaded onto the nodes": {
		image: { repository: "localhost/claviger", tag: "e2e", digest: "", pullPolicy: "Never" },
		hostAliases: [{ ip: "10.1.2.3", hostnames: ["vault.example"] }],
		extraEnv: [{ name: "SSL_CERT_DIR", value: "/certificates" }],
	},
	"one provider in the other directory": {
		providers: ["openbao"],
		socketDirectory: "/etc/kubernetes/secrets-store-csi-providers",
		image: { repository: "registry.example:5000/tools/claviger", digest },
		imagePullSecrets: [{ name: "registry" }],
		policy: { text: "# what may be asked\nprofile: compatible\n" },
	},
	push: { push: { enabled: true }, settings: { pollInterval: "1s" } },
	"a startup taint": { startupTaint: { enabled: true, key: "example.test/claviger" } },
	"events and the pods of the node": { events: { enabled: true }, watchPods: { enabled: true } },
	"roles of service accounts and the region of the node": { roleAnnotations: { enabled: true }, nodeRegion: { enabled: true } },
	"annotations of pods": { readPodAnnotations: { enabled: true } },
	"a user that is not root": {
		runAs: "nonRoot",
		seLinuxOptions: { type: "container_t", level: "s0:c1,c2" },
		state: { sizeLimit: "32Mi", keepValues: true },
	},
	"tokens reviewed by the API server": { tokens: { verification: "review", issuer: "https://issuer.example" } },
	"keys of one's own": {
		tokens: { keysConfigMap: "token-keys", keysKey: "keys.pem" },
		versionKey: { existingSecret: "version-key" },
		sealing: { existingSecret: "sealing" },
		policy: { existingConfigMap: "policy" },
		caBundle: { configMap: "authorities", key: "bundle.pem" },
	},
	"no verification, no state, no priority": {
		tokens: { verification: "off" },
		state: { enabled: false },
		priorityClassName: "",
		tolerations: [],
		updateStrategy: { type: "OnDelete" },
		versionKey: { secretName: "shared-version-key" },
	},
	"a proxy and a strongroom on a volume": {
		proxy: { https: "http://proxy.example:3128", http: "http://proxy.example:3128", exceptions: [".svc", "10.0.0.0/8"] },
		policy: { content: { stores: { own: { type: "strongroom", directory: "/var/lib/claviger/strongroom" } } } },
		extraVolumes: [{ name: "strongroom", persistentVolumeClaim: { claimName: "strongroom" } }],
		extraVolumeMounts: [{ name: "strongroom", mountPath: "/var/lib/claviger" }],
		settings: { audit: "/var/lib/claviger/audit.jsonl" },
	},
	"all that watches it": {
		monitoring: {
			service: { enabled: true },
			serviceMonitor: { enabled: true, labels: { release: "prometheus" }, interval: "15s" },
			prometheusRule: { enabled: true, labels: { release: "prometheus" }, runbooks: "https://git.example/docs/runbooks/" },
			dashboard: { enabled: true },
		},
		http: { port: 9090 },
		settings: { audit: "stdout", traces: "http://collector.telemetry.svc:4318" },
	},
	"a closed network": {
		networkPolicy: {
			enabled: true,
			apiServerPorts: [6443],
			storePorts: [8200],
			storePeers: [{ ipBlock: { cidr: "10.0.0.0/8" } }],
			metricsPeers: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
		},
	},
	"every setting": {
		settings: {
			logLevel: "debug",
			maxAge: "0",
			maxStale: "0",
			revocationHold: "1h",
			cacheBytes: 33554432,
			fetchConcurrency: 8,
			drainSeconds: 5,
			maxResponseBytes: 1048576,
			kubernetesApi: "https://10.0.0.1:6443",
			kubernetesTokenFile: "/token/token",
			kubernetesCa: "/token/ca.crt",
		},
		extraVolumes: [{ name: "token", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }],
		extraVolumeMounts: [{ name: "token", mountPath: "/token", readOnly: true }],
		terminationGracePeriodSeconds: 15,
	},
	"names, labels and places of one's own": {
		nameOverride: "keys",
		fullnameOverride: "keys-for-all",
		namespace: { create: true },
		commonLabels: { team: "platform" },
		podLabels: { tier: "node" },
		podAnnotations: { "example.test/note": "kept" },
		serviceAccount: { name: "keys", annotations: { "example.test/role": "keys" } },
		nodeSelector: { "example.test/pool": "shop" },
		affinity: {
			nodeAffinity: {
				requiredDuringSchedulingIgnoredDuringExecution: {
					nodeSelectorTerms: [{ matchExpressions: [{ key: "example.test/virtual", operator: "DoesNotExist" }] }],
				},
			},
		},
		probes: { startup: { initialDelaySeconds: 1 }, liveness: { periodSeconds: 30 } },
		resources: { requests: { cpu: 0.1, memory: "128Mi" }, limits: { cpu: "1", memory: "1Gi" } },
		dnsPolicy: "None",
		dnsConfig: { nameservers: ["10.0.0.10"] },
	},
};
