import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", ".kragle/", "build/"] },
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
