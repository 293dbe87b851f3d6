import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.TELEHUB_URL ?? "http://127.0.0.1:4055";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    // Nothing may become a data: address, the content security policy allows none for fonts.
    assetsInlineLimit: 0,
    manifest: "manifest.json",
    // The polyfill is an inline script in disguise; every browser we serve has module preload.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // Left alone, every icon and hook that two pages share becomes a file of its own: many requests, each badly compressed.
        // Named are the parts that bring a library of their own along.
        codeSplitting: {
          groups: [{ name: "shared", test: /[\\/](src[\\/](?:api|lib|live|parts|ui)[\\/](?!Dialog|Menu|DayField|forms|Toast|Inline)|lucide-react|@tanstack[\\/]react-(?:query|router))/, minShareCount: 3 }],
        },
      },
    },
    chunkSizeWarningLimit: 700,
  },
  server: {
    port: 5173,
    proxy: {
      // The Host stays the browser's: the server refuses requests whose origin is not its own address.
      "/api": { target: server, ws: true },
      "/health": { target: server },
    },
  },
  test: {
    environment: "jsdom",
    env: { TZ: "Asia/Kolkata" },
    setupFiles: ["./src/test-setup.ts"],
    css: false,
    restoreMocks: true,
    include: ["src/**/*.test.{ts,tsx}"],
  },
});
