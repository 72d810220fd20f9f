/** The version of this build. `scripts/bundle.ts` and a test hold it equal to package.json. */
export const runtimeVersion = "0.1.0";
