export default { extensions: ["ts"], files: ["test/e2e/**/*.e2e.ts"], timeout: "5m" };
