import { Button, Group } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { ShiftOffer } from "../../../api/types.ts";
import { formatDate, formatTime } from "../../../format/dates.ts";
import { textOr, useLanguage, useText } from "../../../i18n/index.ts";
import { socket } from "../../../socket/live.ts";
import { Note } from "../../../ui/Note.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { kindOf } from "./kinds.ts";

const KEY = ["myShiftOffers"];
const FACTS = ["ShiftOfferMade", "ShiftOfferChanged", "ShiftAdjusted"];

/** Overtime and time off the agent is offered, above every page until it is answered. */
export default function MyOffers() {
  const t = useText();
  const language = useLanguage();
  const queries = useQueryClient();
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState("");
  const { data } = useQuery({
    queryKey: KEY,
    queryFn: async () => (await ask(api.GET("/v1/me/shiftOffers"))).shiftOffers ?? [],
  });
  useEffect(
    () =>
      socket.onFact((event) => {
        if (FACTS.includes(event.fact)) void queries.invalidateQueries({ queryKey: KEY });
      }),
    [queries],
  );
  const answer = async (offer: ShiftOffer, yes: boolean) => {
    const params = { path: { shiftOfferId: offer.shiftOfferId ?? "" } };
    setBusy(params.path.shiftOfferId);
    setProblem(undefined);
    try {
      await (yes
        ? ask(api.POST("/v1/me/shiftOffers/{shiftOfferId}:accept", { params, body: {} }))
        : ask(api.POST("/v1/me/shiftOffers/{shiftOfferId}:decline", { params, body: {} })));
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy("");
      await queries.invalidateQueries({ queryKey: KEY });
    }
  };
  const open = (data ?? []).filter(
    (each) =>
      each.state === "SHIFT_OFFER_STATE_OPEN" &&
      each.replies?.[0]?.state === "SHIFT_OFFER_REPLY_STATE_PENDING",
  );
  return (
    <>
      <ProblemNote problem={problem} />
      {open.slice(0, 3).map((each) => (
        <Note
          key={each.shiftOfferId}
          tone="info"
          live
          title={textOr("offerAsks", kindOf(each.kind), {
            day: formatDate(each.startTime, language),
            from: formatTime(each.startTime, language),
            until: formatTime(each.endTime, language),
          })}
          testId={`my-offer-${each.shiftOfferId}`}
        >
          {each.note && <bdi>{each.note}</bdi>}
          <Group gap="xs" mt={6}>
            <Button
              size="xs"
              loading={busy === each.shiftOfferId}
              onClick={() => void answer(each, true)}
              data-testid="my-offer-accept"
            >
              {t("changes.accept")}
            </Button>
            <Button
              size="xs"
              variant="default"
              disabled={busy !== ""}
              onClick={() => void answer(each, false)}
              data-testid="my-offer-decline"
            >
              {t("changes.decline")}
            </Button>
          </Group>
        </Note>
      ))}
    </>
  );
}
