import { randomUUID } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";
import type { Pod } from "../../provider/plan/mount-request.ts";

/** Signs service account tokens as a cluster's API server does for kubelet. */
export interface TokenIssuer {
	readonly issuer: string;
	/** What a relying party needs to verify the tokens. */
	readonly keys: JSONWebKeySet;
	readonly publicKeyPem: string;
	token(pod: Pod, options?: TokenOptions): Promise<string>;
}

export interface TokenOptions {
	readonly audience?: string | readonly string[];
	/** Seconds from now; negative makes an expired token. */
	readonly lifetime?: number;
	/** Replaces claims, such as `{"kubernetes.io": …}`. */
	readonly claims?: Readonly<Record<string, unknown>>;
}

export async function createTokenIssuer(issuer = "https://kubernetes.default.svc.cluster.local"): Promise<TokenIssuer> {
	const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
	const kid = randomUUID();
	const keys = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" }] };
	return {
		issuer,
		keys,
		publicKeyPem: await exportSPKI(publicKey),
		async token(pod, options = {}) {
			const now = Math.floor(Date.now() / 1000);
			const audience = options.audience ?? "vault";
			const lifetime = options.lifetime ?? 3600;
			return new SignJWT({ ...podClaims(pod), ...options.claims })
				.setProtectedHeader({ alg: "RS256", kid })
				.setIssuer(issuer)
				.setAudience(typeof audience === "string" ? [audience] : [...audience])
				.setSubject(`system:serviceaccount:${pod.namespace}:${pod.serviceAccount}`)
				.setIssuedAt(Math.min(now, now + lifetime - 1))
				.setNotBefore(Math.min(now, now + lifetime - 1))
				.setExpirationTime(now + lifetime)
				.sign(privateKey);
		},
	};
}

function podClaims(pod: Pod): Record<string, unknown> {
	return {
		"kubernetes.io": {
			namespace: pod.namespace,
			node: { name: "node-1", uid: "a6b1c4a2-0000-4000-8000-000000000001" },
			pod: { name: pod.name, uid: pod.uid },
			serviceaccount: { name: pod.serviceAccount, uid: "a6b1c4a2-0000-4000-8000-000000000002" },
		},
	};
}
