/**
 * Which files make up each named data set, what they must hash to, and where each can be had.
 *
 * `at` names a file of a public repository at one commit. Files that were put together from others, or whose place was
 * not written down when they were taken, have no origin: `missing` says why, and a user must bring them. No address here
 * was tried from the machine this list was made on; whatever arrives is held to its hash.
 */
import type { SetName } from "../../data/source-spec.js";

export interface DataFile {
  /** Inside the folder of the set. */
  readonly path: string;
  readonly bytes?: number;
  /** Accepted hashes of the file; the first is that of the origin. */
  readonly sha256?: readonly string[];
  /** Instead of `sha256`: hash of the numbers in it, for files that travel with other line ends and trailing zeros. */
  readonly values?: string;
  /** Another name under which the same content may already lie there (gzipped). */
  readonly also?: string;
  readonly origin?: Origin;
  /** Why there is no origin. */
  readonly missing?: string;
}

export interface Origin {
  readonly repository: string;
  readonly commit: string;
  readonly path: string;
}

type Row = readonly [path: string, bytes: number, sha256: string];

const at = (repository: string, commit: string, path: string): Origin => ({ repository, commit, path });

const file = (path: string, bytes: number, ...sha256: readonly string[]): DataFile => ({
  path,
  bytes,
  sha256,
  ...(path.endsWith("_1hz.txt") && { also: `${path}.gz` }),
});

const from = (repository: string, commit: string, place: (path: string) => string, rows: readonly Row[]): DataFile[] =>
  rows.map((row) => ({ ...file(...row), origin: at(repository, commit, place(row[0])) }));

const without = (missing: string, rows: readonly Row[]): DataFile[] => rows.map((row) => ({ ...file(...row), missing }));

const unrecorded = "its place in a public repository was not written down, or its text was rebuilt from another form";
const averaged = "averaged to 64 x 64 from the 200 x 200 originals";
const joined = "joined from two files of the repository sapawar4/datasets; UCI's secom.data holds all 590 sensors in another format";

export const manifest: Readonly<Record<SetName, readonly DataFile[]>> = {
  cmapss: [
    ...[
      ["train_FD001.txt", "101d2cd2a8285a5a98aae1fcb81669f102ae5bcd50daf5dc5975296fecf4b57e"],
      ["test_FD001.txt", "a4cc6e235642429fac4be84d5142533092be72f8a02ff7b74b6ae838eb2f42bb"],
      ["RUL_FD001.txt", "ac81721ae8df4627c06b5f83e8ac02bf94a602713340bdf5cf02275054259733"],
    ].map(([path, values]) => ({
      path,
      values,
      also: `${path}.gz`,
      origin: at("hakansirin/senior-project", "1eb93115db7456f2941c6d6a0f9db6fefdf0120d", `CMAPSSData/${path}`),
    })),
    ...[
      ["train_FD002.txt", "557ae455f81ca1e292b3cc068076a4fc6577f902d7ede99c2fab8f2809715fb8"],
      ["test_FD002.txt", "8d30fd8839ed76aee52b4a5f36db6ab83bfe01f40b439bd055e1ae663ba12ab3"],
      ["RUL_FD002.txt", "ebdc950de148a64540b81ea48586216f9689e2c04cb26b4d03eb0ef1e43f66c9"],
      ["train_FD003.txt", "5c6f71ced493f78ca752e016198b58c506edd10911a552679532ad9138876333"],
      ["test_FD003.txt", "b90a85ee170c29eb074456b8050f14283749b7c803ec6ef6f934301880956726"],
      ["RUL_FD003.txt", "8195a4a89cba1e19d5756783418cc675ea0096279ed019acc30b8ff33d84f2a8"],
      ["train_FD004.txt", "0160322972553c92fac596a49a0b1522bd0174057973f4f3443fa7cdf6273eac"],
      ["test_FD004.txt", "a6be46f9ca4ac66e0cf445b893468f2cb4d8f8634a35bf6e469f30204f785879"],
      ["RUL_FD004.txt", "022b993ebf38bd6ac91c2a610af94eea9e69a6d91c8fea2e5fe11707b5e0c7b3"],
    ].map(([path, values]) => ({ path, values, also: `${path}.gz`, missing: unrecorded })),
  ],
  "azure-pdm": [
    {
      ...file("PdM_telemetry_m001-020_h2160.csv", 3892505, "6d5aeb13d7141cf32944ff0db803c948be830c5ff54b6492625f708e9d18ad44"),
      origin: at(
        "yambogobrice-design/Maintenance-predictive-equipements-lourds-miniers",
        "1d0e096bf1ff4744bb1edde2a46515d2d8113f09",
        "data/raw/PdM_telemetry.csv",
      ),
    },
    ...from("PGuruPrasaath/Predictive-Maintenance-Microsoft-Azure-dataset", "cf05989", (path) => path, [
      ["PdM_errors.csv", 129077, "9c2a2a010ad77227e2bb0c94e7971bca78810790ddd1f28a8bee4f12c2f62370"],
      ["PdM_failures.csv", 24336, "0c6c31a4fd52ef2df95ad7c44e8b0c8c32917bcef29ba5a1ba3ba45531ded3b7"],
      ["PdM_machines.csv", 1582, "5e8e1571c4999bf88abb7cae3925964c218d946fe851a9a100bb3d19330652bc"],
    ]),
  ],
  ai4i2020: [
    // The origin writes one header cell with an underscore; a copy with UCI's name is accepted too.
    {
      ...file(
        "ai4i2020.csv",
        522048,
        "7d0663a632a1a045144d504b34ab64e52efa3d55ad99d8d7c3a61b751e20c8fb",
        "dc6630cd9b1f0f853922fad78a1b6436570d3f1ec863f1dd5c4340ac56bc8a8e",
      ),
      origin: at("gabigol91/dataset", "38d4df9ce8b35399c3e968a7fbd694b85626d502", "ai4i2020.csv"),
    },
  ],
  skab: [
    ...from("waico/SKAB", "b2c0d46", (path) => `data/${path}`, [
      ["anomaly-free/anomaly-free.csv", 814703, "7641a8742957100ef424dd97adfb3eeab27d4d180645fe2b3c49b7f7146ae9a6"],
      ["other/1.csv", 70326, "3beaf861bdfe9b4f4eff8e7567c1dd3f506fbd0ce667fc9399d04bd2dc70623d"],
      ["other/10.csv", 124516, "72683644f6f17689f619076a66a9ec02cbc0502bd669924c4c33951d1bdad9b0"],
      ["other/11.csv", 112720, "98a2fff3b6516205ae2e12f2dd30d7f08465fe4321a1bd5cf823396985ecb37b"],
      ["other/12.csv", 99534, "b0882efbcf2669223ae78bee61c9f10074a9b2375f0e86b8957ae5ce4aad1e72"],
      ["other/13.csv", 87634, "b3f1da02064d11234836a9fa1a2536bb0d3b6c6998ab60b0b71869b98e94d860"],
      ["other/14.csv", 85828, "c7f361e55397cc9efd4a76b6876111eda79b650d10aeb007342ca5972152eaef"],
      ["other/2.csv", 73661, "951c326bf36366fa7615b8f28d22f80b3878036069a690f42b3e223737a6a8d1"],
      ["other/3.csv", 107404, "f3c19a89f74f62a475c246b9263f161f7a734dd88304de803939cebaa55c7ebd"],
      ["other/4.csv", 112334, "56ca23f4eb61d1347d079eb9a35c60a59b8b64e160c00dd0c2ec69e0df0b2a4b"],
      ["other/5.csv", 108203, "7347b326df3a92c0810c69add0e5621939af7a1c1cb4755081d088e72d36920f"],
      ["other/6.csv", 107422, "eb8f05622a62c855040ea358b87be35fb1a4a3720ba0610569bab384db4b6e04"],
      ["other/7.csv", 102054, "1bee14f49bfc817ba2c335fb427baa71153d8f8ab52e72652f15f74e4b77daec"],
      ["other/8.csv", 107600, "12c138ed99c198e0a7ece886fe01bfd16bbdde206fad6c5d74322b6b9d6488d0"],
      ["other/9.csv", 108481, "11c4514b0bc706acff637fea6707ad9258ac878fe9dff3d0b11d2b618d94d8ea"],
      ["valve1/0.csv", 110346, "16af3f71313a23dd33d9b7b8065d836d05c3f9257588881cc7fbe07c076d9dc8"],
      ["valve1/1.csv", 110330, "fe4493bf805baef4e6dfb864094275d8cc2ea80a16b3735e2752b18b6aefd812"],
      ["valve1/10.csv", 110623, "ee16be8e4b870c779491e3d1dc9e0ecbfaf29eb013e032abff7a33f2cbbfe2ad"],
      ["valve1/11.csv", 110166, "89660fae4ed5c918db014409bbbc29f498fd99c7e956fab2620d18dea700a973"],
      ["valve1/12.csv", 110061, "90adfa9bc86d4556e6a4ce734436fd5685af79c189cd9828f8df75a7f468ce07"],
      ["valve1/13.csv", 110455, "d6cb6a97437215d3066a87e1fcc5fa4e68017629c043c5315920e3cf1060841c"],
      ["valve1/14.csv", 110181, "5f0bb9bc33c5e6c259263e32e25915c4d24c82b0a94554d48808626da05c1d71"],
      ["valve1/15.csv", 111352, "75cc86ab25d7091eee024739fa06d048753480d5d7d1507077231cab4f1b7a7e"],
      ["valve1/2.csv", 103507, "90492413469261886c8896c327241448df5da73fd7739cabfec8dd82de3c0ce4"],
      ["valve1/3.csv", 110534, "cb6afea108eddfd8447307e405f86bbb764b8d8e9130d7849a46e1303e19b8b2"],
      ["valve1/4.csv", 105634, "983aed9dc09991a57911091373c580e1b86d06aa983cd51678f108fd8d709654"],
      ["valve1/5.csv", 111575, "78974991ec87b7f9b9b6b2944f4b525468a9beb36c59b06cd7650d9a15eca14a"],
      ["valve1/6.csv", 111676, "97469c0e0c9c0e0ee5d30794f1f36c6785df5816a112a8b16c59637e8c894685"],
      ["valve1/7.csv", 105941, "ca2c9c6d6fa302c642acec6fbedac495bd12fececeee0a755d45a54e340e0f30"],
      ["valve1/8.csv", 110305, "0c4afb92248b5b35b4c9d734a91ed8318346901f04579074903730569e60416c"],
      ["valve1/9.csv", 110586, "2aa1ae1b2ff505caecda24802b877dc686924bbbeeb7e7db4faa261efb5ed5bd"],
      ["valve2/0.csv", 109156, "a6670e7a68c7c6ba62c649bd9d350633e80db624578e9529f2b736ced5e32bde"],
      ["valve2/1.csv", 102680, "b35d27f664eb0851ab73e5eb06633404c7eeaf532edff7e40c68eb9379f2012b"],
      ["valve2/2.csv", 109005, "2c3005cf28b88db715b7f4694e826ff252cba4dbb1eba679b040961f80477e60"],
      ["valve2/3.csv", 96048, "86927555d5c523e587d41500bd5dee4e2468289ec1b988ac17755aeae697d7f8"],
    ]),
  ],
  secom: [{ ...file("secom_1567x207.csv", 2427416, "4d41c476f38d196596b3dee1a70ad3c759ac564cc45444cac0d6ed0ca42d21b5"), missing: joined }],
  "steel-plates-faults": [
    ...from("Akshay9705/adapting-digital-tools-and-lean-six-sigma", "e34668f", () => "data/SteelPlatesFaults_Clean.csv", [
      ["steel_plates_faults.csv", 305422, "20825a4f48de8fd9aba03200093a0bcf79091e7151788573c04ac374215c52b2"],
    ]),
  ],
  "neu-surface-defects": [
    ...without(averaged, [
      ["neu_64x64_gray_a.bin.gz", 3080814, "fedde4732d8a7d26a3a5b43166ad1bc69756299701793908b760adc26e6c0aac"],
      ["neu_64x64_gray_b.bin.gz", 2811126, "e70b54509e12bd07f0ceeae42337f55993d4750befd6eae7f759827cae9e5912"],
      ["neu_labels.csv", 65471, "d16cee456f836ba4c3242888c33108346283836f24252b28f674ab0891358728"],
    ]),
  ],
  "hydraulic-systems": [
    ...from(
      "Machine-Learning-FGA/Hydraulic-systems",
      "bc90f0ecb2aabbe716d8f0ff3a6518052d54a9db",
      (path) => `data_compressed_1hz/${path.replace("_1hz.txt", "_normalized.csv")}`,
      [
        ["PS1_1hz.txt", 2194203, "24e465818ceb6b467481cb61700c924ea0c5cef2a5171e58987ab81ecdae7bb3"],
        ["PS2_1hz.txt", 2046613, "e507d7ac29f6a0db3835d826b64367b4c60747318bfb6b53716e793683625ca3"],
        ["PS3_1hz.txt", 2062360, "c805b58bfa585e0fc6e63a633dd10d1ed3285024bbd5fb2795f5c3f67f253b45"],
        ["PS4_1hz.txt", 1091319, "907116d65ffdab0ad8ebbf8e3088b62d9fd9b7d3f63ca5a9814d3516fc7c9f33"],
        ["PS5_1hz.txt", 2017770, "ea49d99f3a5b3e17a976c6710daffd60b09409bfe5e73e3ed2b20ba0ff9a7df9"],
        ["PS6_1hz.txt", 2017483, "e5e7e8bef309a3a0d8714ed1d199f5e78d0bea9e8f62f35ebe2eeec3dbdaea74"],
        ["EPS1_1hz.txt", 2322562, "9f1a1b5374716f168514c429d4aaed84075f2884b2f8ffb5aa828f6043d55786"],
        ["FS1_1hz.txt", 1789151, "87ebd5dbaa0e03e88a939d502a22b9b199de7c7ea501daf668b1fc51b8403458"],
        ["FS2_1hz.txt", 1569340, "210ab7fe10b1c9fca6651d0ebf95d9e9b050e8ce13572df6dceacf1eb7f896ad"],
      ],
    ),
    ...without(unrecorded, [
      ["TS1_1hz.txt", 904586, "49cae5e9013d8e230698d95f53a98bb77fedfe3c86985b812cf701dcc9ef06d8"],
      ["TS2_1hz.txt", 910594, "34115a5b86886d83c0592c1ed259605634a8c83d3a051e97bf3e5790f1db58fa"],
      ["TS3_1hz.txt", 908805, "cc271852b4caad39a3b8f5c36d948b57f6cab761dad8b4c7bdd7cb7e99c0b980"],
      ["TS4_1hz.txt", 910127, "548b903f7cd4ea7f2497c0063bdda4bdf8793d55ff43a7d694b8cb835eaf2f55"],
      ["VS1_1hz.txt", 778499, "a6227d9bcb807ee9835c32e73834d3eb9262f0f5cad1b176ca10c473ced25e99"],
      ["SE_1hz.txt", 824838, "4c04994cb28b82c001b4931acecf8099e9fe5c864f361c0a7435fbf8745361a1"],
      ["CE_1hz.txt", 911516, "2adc6e258be8e3b7a303b7962f485a7984099cea21248c3bf9f18c7d87283c09"],
      ["CP_1hz.txt", 779343, "63f60132cb5a30879c6f5c73640a39c69e416013195fe62dafe5133b0747baf4"],
      ["profile.txt", 31196, "867987ca884b2f0fd607ad3918329eba887d095af2befa21122cea518eaa584a"],
    ]),
  ],
  ccpp: [
    ...from("stepheniswells/ml_datasets", "c99b6fb", (path) => path, [
      ["Folds5x2_pp.csv", 318296, "36d15df96523b0b53476026bd380fa6c99db6773522f0b64ae90daace03980f0"],
    ]),
  ],
  "steel-industry-energy": [
    ...from("AashishSaini16/Steel-Industry-Energy-Consumption-Prediction", "a07ca5b", (path) => path, [
      ["Steel_industry_data.csv", 2731389, "7202b058121e0e7d50b5fe3c379b636f92757b3fc143046bc59936f1d6eca8d6"],
    ]),
  ],
};
