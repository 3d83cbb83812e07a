/** Every key there is, from the catalogues themselves. */
import type admin from "../messages/admin.json";
import type callbacks from "../messages/callbacks.json";
import type calls from "../messages/calls.json";
import type charges from "../messages/charges.json";
import type clientBills from "../messages/clientBills.json";
import type common from "../messages/common.json";
import type coupons from "../messages/coupons.json";
import type desktop from "../messages/desktop.json";
import type differences from "../messages/differences.json";
import type findMe from "../messages/findMe.json";
import type flowSteps from "../messages/flowSteps.json";
import type flows from "../messages/flows.json";
import type flowTools from "../messages/flowTools.json";
import type intraday from "../messages/intraday.json";
import type invoices from "../messages/invoices.json";
import type limits from "../messages/limits.json";
import type meters from "../messages/meters.json";
import type mine from "../messages/mine.json";
import type notices from "../messages/notices.json";
import type numberLists from "../messages/numberLists.json";
import type numbers from "../messages/numbers.json";
import type operator from "../messages/operator.json";
import type overflow from "../messages/overflow.json";
import type pages from "../messages/pages.json";
import type planning from "../messages/planning.json";
import type plans from "../messages/plans.json";
import type porting from "../messages/porting.json";
import type presence from "../messages/presence.json";
import type rates from "../messages/rates.json";
import type requests from "../messages/requests.json";
import type resale from "../messages/resale.json";
import type rules from "../messages/rules.json";
import type schedules from "../messages/schedules.json";
import type simulator from "../messages/simulator.json";
import type skillPlans from "../messages/skillPlans.json";
import type sound from "../messages/sound.json";
import type start from "../messages/start.json";
import type surveys from "../messages/surveys.json";
import type taxRates from "../messages/taxRates.json";
import type telephony from "../messages/telephony.json";
import type usageCharts from "../messages/usageCharts.json";
import type voicemail from "../messages/voicemail.json";
import type wallet from "../messages/wallet.json";
import type watch from "../messages/watch.json";

export type MessageKey =
  | keyof typeof common
  | keyof typeof desktop
  | keyof typeof calls
  | keyof typeof start
  | keyof typeof watch
  | keyof typeof admin
  | keyof typeof callbacks
  | keyof typeof charges
  | keyof typeof clientBills
  | keyof typeof coupons
  | keyof typeof differences
  | keyof typeof findMe
  | keyof typeof flows
  | keyof typeof flowSteps
  | keyof typeof flowTools
  | keyof typeof intraday
  | keyof typeof invoices
  | keyof typeof limits
  | keyof typeof meters
  | keyof typeof mine
  | keyof typeof notices
  | keyof typeof numberLists
  | keyof typeof numbers
  | keyof typeof operator
  | keyof typeof overflow
  | keyof typeof pages
  | keyof typeof planning
  | keyof typeof plans
  | keyof typeof porting
  | keyof typeof presence
  | keyof typeof rates
  | keyof typeof requests
  | keyof typeof resale
  | keyof typeof rules
  | keyof typeof schedules
  | keyof typeof simulator
  | keyof typeof skillPlans
  | keyof typeof sound
  | keyof typeof surveys
  | keyof typeof taxRates
  | keyof typeof usageCharts
  | keyof typeof telephony
  | keyof typeof voicemail
  | keyof typeof wallet;
