/** How the API server of this process's cluster is reached. */
export interface ClusterAccess {
	/** `https://host:port` */
	readonly address: string;
	/** The authorities that its certificate is verified with, PEM. */
	readonly caFile: string;
}
