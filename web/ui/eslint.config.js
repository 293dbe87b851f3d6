import { readdirSync } from "node:fs";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const features = readdirSync(new URL("./src/features", import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** What a folder may not import: app → features → parts → (live, api, ui, lib, i18n). */
const zone = (files, patterns) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns: patterns.map(([glob, message]) => ({ group: [glob], message })) }] },
});

const upwards = ["../../*", "Leave your folder by the @/ alias, so that the zones see it."];
const app = ["@/app/*", "Only main.tsx imports app: it composes the features."];
const anyFeature = ["@/features/*", "A layer below never imports a feature."];
const parts = ["@/parts/*", "A layer below never imports parts."];

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/__generated__", "public"] },
  ...tseslint.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": reactHooks },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-explicit-any": "error",
      "no-console": "error",
      "max-lines": ["error", { max: 500, skipBlankLines: true, skipComments: true }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "Text from people is never markup.",
        },
      ],
    },
  },
  ...features.map((name) =>
    zone(
      [`src/features/${name}/**`],
      [app, upwards, ...features.filter((other) => other !== name).map((other) => [`@/features/${other}/*`, "A feature never imports a feature; what two share lives in parts."])],
    ),
  ),
  zone(["src/parts/**"], [app, anyFeature, upwards]),
  zone(["src/live/**", "src/api/**", "src/ui/**", "src/lib/**", "src/i18n/**"], [app, anyFeature, parts, upwards]),
  { files: ["scripts/**", "e2e/**", "mock-api/**"], rules: { "no-console": "off" } },
);
