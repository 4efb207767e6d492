import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", ".kragle/", "build/", "dist/", "examples/typescript/"] },
  eslint.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-require-imports": "off",
      eqeqeq: "error",
    },
  },
  {
    // what only the types tell
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-deprecated": "error",
      "@typescript-eslint/no-unnecessary-boolean-literal-compare": "error",
      "@typescript-eslint/no-unnecessary-type-arguments": "error",
      "@typescript-eslint/prefer-optional-chain": "error",
      "@typescript-eslint/require-array-sort-compare": "error",
      "@typescript-eslint/return-await": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  {
    // stand-ins and pages in a browser have no types worth the effort
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
  {
    files: ["**/*.ts"],
    // those that say at the call why host/process.ts does not do for them
    ignores: [
      "test/**",
      "host/process.ts",
      "host/lock.ts",
      "host/lifeline.ts",
      "host/packageMirror.ts",
      "engine/pulumiProcess.ts",
      "cli/report.ts",
    ],
    rules: {
      "no-restricted-imports": [
        "error",
        { name: "node:child_process", message: "host/process.ts runs programs" },
      ],
    },
  },
  {
    files: ["**/*.ts"],
    // those that compare with a time that stands in a file
    ignores: ["test/**", "infra/explain.ts", "infra/explainSteps.ts", "infra/plan.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        {
          object: "Date",
          property: "now",
          message:
            "it jumps when the clock is set: performance.now() measures limits and durations",
        },
      ],
    },
  },
  {
    files: ["**/*.cjs"],
    languageOptions: {
      globals: {
        require: "readonly",
        exports: "writable",
        module: "writable",
        process: "readonly",
        console: "readonly",
      },
    },
  },
);
