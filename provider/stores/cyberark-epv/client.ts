import { setTimeout as sleep } from "node:timers/promises";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { Transport } from "../../net/transport.ts";
import { type Attempted, retryAfterMilliseconds, withRetries } from "../../shared/retry.ts";
import type { RetryBudget } from "../../shared/retry-budget.ts";
import type { StoreContext } from "../store.ts";
import { kindOf } from "./failures.ts";
import type { CyberArkInstance } from "./instance.ts";

/** What asking with one client certificate takes. */
export interface Client {
	readonly instance: CyberArkInstance;
	readonly transport: Transport;
	readonly budget: RetryBudget;
	readonly context: Pick<StoreContext, "schedule" | "allowsAddress">;
}

/** The web service may wait for the vault as long as it is told, and needs this much for itself. */
const marginMilliseconds = 5_000;
/** An account is a few KiB; the largest keys and files are far below this. */
const maximumBytes = 1024 * 1024;
/** A change of a password takes seconds. Longer than this nobody is kept waiting for one. */
const changeMilliseconds = 45_000;

/**
 * Asks the web service, again where that makes sense: after an outage as all stores do, and while a password is being changed
 * every one to three seconds, or when the server says.
 *
 * @param query encoded, without the question mark
 * @throws ProviderError as {@link Transport.request}
 */
export async function ask(client: Client, query: string, signal: AbortSignal): Promise<HttpAnswer> {
	const end = performance.now() + changeMilliseconds;
	for (;;) {
		const answer = await send(client, query, signal);
		if (client.instance.onPasswordChange !== "wait" || kindOf(answer)?.kind !== "changing") return answer;
		const pause = retryAfterMilliseconds(answer.retryAfter) || 1_000 + Math.random() * 2_000;
		if (performance.now() + pause > end) return answer;
		await wait(pause, signal);
	}
}

type Sent = Attempted & { readonly answer: HttpAnswer };

async function send({ instance, transport, budget, context }: Client, query: string, signal: AbortSignal): Promise<HttpAnswer> {
	const { address, webService, connectionTimeoutSeconds } = instance;
	const attempt = async (): Promise<Sent> => {
		const answer = await transport.request({
			method: "GET",
			path: `${address.basePath}/${webService}/api/Accounts?${query}`,
			headers: { accept: "application/json", "user-agent": "claviger" },
			signal,
			timeoutMilliseconds: connectionTimeoutSeconds * 1000 + marginMilliseconds,
			maximumBytes,
			allowsAddress: (resolved) => context.allowsAddress(resolved),
		});
		return { status: statusFor(answer), retryAfter: answer.retryAfter, answer };
	};
	const { answer } = await withRetries(attempt, signal, { budget, schedule: (task) => context.schedule(task, signal) });
	return answer;
}

/** An unreachable vault comes with a status of faulty requests, and a change of a password with one of outages. */
function statusFor(answer: HttpAnswer): number {
	const kind = kindOf(answer)?.kind;
	if (kind === "changing") return 200;
	return kind === "outage" && answer.status < 500 && answer.status !== 429 ? 503 : answer.status;
}

async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
	try {
		await sleep(milliseconds, undefined, { signal });
	} catch {
		throw signal.reason;
	}
}
