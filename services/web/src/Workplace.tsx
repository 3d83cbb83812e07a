import { lazy, Suspense } from "react";
import { Route, Switch } from "wouter";
import { useText } from "./i18n/index.ts";
import type { Area } from "./session/roles.ts";
import { mayEnter } from "./session/roles.ts";
import { useSession } from "./session/session.ts";
import { CrashBoundary } from "./ui/CrashBoundary.tsx";
import { Loading } from "./ui/LoadMore.tsx";
import { lazyPage } from "./ui/lazyPage.ts";
import { Note } from "./ui/Note.tsx";
import { NotFound } from "./ui/NotFound.tsx";
import { Shell } from "./ui/Shell.tsx";
import { usePageTitle } from "./ui/title.ts";

const pages: readonly [string, Area, React.LazyExoticComponent<React.ComponentType>][] = [
  ["/home", "manage", lazyPage(() => import("./pages/start/HomePage.tsx"))],
  ["/desktop", "desktop", lazy(() => import("./pages/desktop/DesktopPage.tsx"))],
  ["/voicemail", "desktop", lazyPage(() => import("./pages/desktop/VoicemailPage.tsx"))],
  ["/dial", "desktop", lazyPage(() => import("./pages/desktop/CallingPage.tsx"))],
  ["/reach", "desktop", lazyPage(() => import("./pages/desktop/FindMePage.tsx"))],
  ["/my-schedule", "desktop", lazyPage(() => import("./pages/mine/MySchedulePage.tsx"))],
  ["/wallboard", "watch", lazyPage(() => import("./pages/watch/WallboardPage.tsx"))],
  ["/calls", "watch", lazyPage(() => import("./pages/watch/CallsPage.tsx"))],
  ["/calls/:callId", "watch", lazyPage(() => import("./pages/watch/CallPage.tsx"))],
  ["/contacts", "watch", lazyPage(() => import("./pages/watch/ContactsPage.tsx"))],
  ["/callbacks", "watch", lazyPage(() => import("./pages/watch/callbacks/CallbacksPage.tsx"))],
  ["/recordings", "watch", lazyPage(() => import("./pages/watch/RecordingsPage.tsx"))],
  ["/simulator", "watch", lazyPage(() => import("./pages/watch/simulator/SimulatorPage.tsx"))],
  ["/intraday", "watch", lazyPage(() => import("./pages/planning/intraday/IntradayPage.tsx"))],
  ["/planning", "watch", lazyPage(() => import("./pages/planning/PlanningPage.tsx"))],
  ["/requests", "watch", lazyPage(() => import("./pages/planning/requests/RequestsPage.tsx"))],
  [
    "/planning/schedules/:scheduleId",
    "watch",
    lazyPage(() => import("./pages/planning/schedules/SchedulePage.tsx")),
  ],
  ["/customers", "desktop", lazyPage(() => import("./pages/watch/CustomersPage.tsx"))],
  ["/customers/:customerId", "desktop", lazyPage(() => import("./pages/watch/CustomerPage.tsx"))],
  ["/admin/brands", "manage", lazyPage(() => import("./pages/admin/BrandsPage.tsx"))],
  ["/admin/numbers/*?", "manage", lazyPage(() => import("./pages/admin/numbers/NumbersPages.tsx"))],
  ["/admin/trunks", "manage", lazyPage(() => import("./pages/admin/TrunksPage.tsx"))],
  ["/admin/devices", "manage", lazyPage(() => import("./pages/admin/DevicesPage.tsx"))],
  ["/admin/outbound", "manage", lazyPage(() => import("./pages/admin/OutboundPage.tsx"))],
  ["/admin/queues", "manage", lazyPage(() => import("./pages/admin/QueuesPage.tsx"))],
  ["/admin/flows", "manage", lazyPage(() => import("./pages/flows/FlowsPage.tsx"))],
  ["/admin/flows/:flowId", "manage", lazyPage(() => import("./pages/flows/FlowPage.tsx"))],
  ["/admin/prompts", "manage", lazyPage(() => import("./pages/admin/PromptsPage.tsx"))],
  [
    "/admin/number-lists/:numberListId?",
    "manage",
    lazyPage(() => import("./pages/admin/lists/NumberLists.tsx")),
  ],
  ["/admin/hours", "manage", lazyPage(() => import("./pages/admin/HoursPage.tsx"))],
  ["/admin/people", "manage", lazyPage(() => import("./pages/admin/PeoplePage.tsx"))],
  ["/admin/dispositions", "manage", lazyPage(() => import("./pages/admin/DispositionsPage.tsx"))],
  ["/admin/api-keys", "manage", lazyPage(() => import("./pages/admin/ApiKeysPage.tsx"))],
  ["/admin/audit", "manage", lazyPage(() => import("./pages/admin/AuditPage.tsx"))],
  ["/admin/billing/:invoiceId?", "pay", lazyPage(() => import("./pages/admin/BillingPage.tsx"))],
  ["/admin/client-bills", "billing", lazyPage(() => import("./pages/admin/clients/ClientBillsPage.tsx"))],
  ["/admin/organisation", "billing", lazyPage(() => import("./pages/admin/OrganisationPage.tsx"))],
];

/** Everything behind the sign-in, inside the shell. The call dock is the shell's, so it outlives every page. */
export default function Workplace() {
  return (
    <Shell>
      <Suspense fallback={<Loading />}>
        <Switch>
          {pages.map(([path, area, Page]) => (
            <Route key={path} path={path}>
              <CrashBoundary key={path}>
                <Guarded area={area}>
                  <Page />
                </Guarded>
              </CrashBoundary>
            </Route>
          ))}
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}

function Guarded({ area, children }: { area: Area; children: React.ReactNode }) {
  const session = useSession();
  const allowed = session.status === "signedIn" && mayEnter(session.user.role, area);
  return allowed ? children : <Forbidden />;
}

function Forbidden() {
  const t = useText();
  usePageTitle(t("forbidden.title"));
  return (
    <Note tone="warn" title={t("forbidden.title")} testId="forbidden">
      {t("forbidden.body")}
    </Note>
  );
}
