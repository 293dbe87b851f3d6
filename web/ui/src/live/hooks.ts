import type { Agent } from "@/api/types";
import type { LiveCall } from "@/live/board";
import { useStore } from "@/lib/store";
import { type Board, myCall } from "./board";
import { board } from "./socket";

/** A part of the board; `pick` must return something stable for an unchanged board. */
export const useBoard = <T>(pick: (board: Board) => T): T => useStore(board, pick);

/** The call at hand, ringing to wrap-up. */
export const useMyCall = (): LiveCall | null => useStore(board, myCall);

/** Oneself on the floor. */
export const useMyAgent = (): Agent | null => useStore(board, (now) => now.me);
