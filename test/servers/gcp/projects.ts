export interface Project {
	readonly id: string;
	readonly number: string;
}

/** The projects there are. Resources may be named by a project's id or number, and are answered by number. */
export class Projects {
	readonly #list: readonly Project[];

	constructor(list: readonly Project[]) {
		this.#list = list;
	}

	/** A resource's name with the project's number. A project that does not exist stays as it is written, so nothing is found in it. */
	canonical(resource: string): string {
		const [, id, rest = ""] = /^projects\/([^/]+)(.*)$/.exec(resource) ?? [];
		const project = this.#list.find((candidate) => candidate.id === id);
		return project === undefined ? resource : `projects/${project.number}${rest}`;
	}

	/** The number of the project behind `my-proj.svc.id.goog`; undefined when it is not one of these. */
	numberOfPool(pool: string): string | undefined {
		return this.#list.find(({ id }) => pool === `${id}.svc.id.goog`)?.number;
	}
}
