module.exports = {
  require: ["tsx", "./test/rejectionGuard.cjs"],
  extension: ["ts"],
  timeout: 10_000,
  // an open Docker connection must not keep a finished run alive
  exit: true,
};
