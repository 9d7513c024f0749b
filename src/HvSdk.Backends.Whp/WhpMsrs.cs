using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Which model-specific registers the platform keeps, and under which names (Intel SDM vol. 4; AMD APM vol. 2, appendix A).</summary>
internal static class WhpMsrs
{
    internal const uint TscIndex = X64MsrIndex.TimeStampCounter;

    private const int VariableRanges = 16;
    private const uint FirstVariableRange = 0x200;

    private static readonly (uint Index, WHV_REGISTER_NAME Name)[] s_all = CreateTable();

    private static readonly Dictionary<uint, WHV_REGISTER_NAME> s_names = s_all.ToDictionary(static pair => pair.Index, static pair => pair.Name);

    /// <summary>Indexes and names, in the order in which state is saved and loaded.</summary>
    internal static ReadOnlySpan<(uint Index, WHV_REGISTER_NAME Name)> All => s_all;

    internal static bool TryGetName(uint index, out WHV_REGISTER_NAME name) => s_names.TryGetValue(index, out name);

    private static (uint Index, WHV_REGISTER_NAME Name)[] CreateTable()
    {
        var table = new List<(uint, WHV_REGISTER_NAME)>
        {
            (X64MsrIndex.TimeStampCounter, WHV_REGISTER_NAME.WHvX64RegisterTsc),
            (X64MsrIndex.ApicBase, WHV_REGISTER_NAME.WHvX64RegisterApicBase),
            (0x3B, WHV_REGISTER_NAME.WHvX64RegisterTscAdjust),
            (0x48, WHV_REGISTER_NAME.WHvX64RegisterSpecCtrl),
            (0xE1, WHV_REGISTER_NAME.WHvX64RegisterUmwaitControl),
            (0xFE, WHV_REGISTER_NAME.WHvX64RegisterMsrMtrrCap),
            (0x122, WHV_REGISTER_NAME.WHvX64RegisterTsxCtrl),
            (X64MsrIndex.SysenterCs, WHV_REGISTER_NAME.WHvX64RegisterSysenterCs),
            (X64MsrIndex.SysenterEsp, WHV_REGISTER_NAME.WHvX64RegisterSysenterEsp),
            (X64MsrIndex.SysenterEip, WHV_REGISTER_NAME.WHvX64RegisterSysenterEip),
            (0x1C4, WHV_REGISTER_NAME.WHvX64RegisterXfd),
            (0x1C5, WHV_REGISTER_NAME.WHvX64RegisterXfdErr),
        };
        for (uint i = 0; i < VariableRanges; i++)
        {
            table.Add((FirstVariableRange + (2 * i), WHV_REGISTER_NAME.WHvX64RegisterMsrMtrrPhysBase0 + i));
            table.Add((FirstVariableRange + (2 * i) + 1, WHV_REGISTER_NAME.WHvX64RegisterMsrMtrrPhysMask0 + i));
        }

        table.AddRange(
        [
            (0x250, WHV_REGISTER_NAME.WHvX64RegisterMsrMtrrFix64k00000),
            (0x258, WHV_REGISTER_NAME.WHvX64RegisterMsrMtrrFix16k80000),
            (0x259, WHV_REGISTER_NAME.WHvX64RegisterMsrMtrrFix16kA0000),
        ]);
        for (uint i = 0; i < 8; i++)
        {
            table.Add((0x268 + i, WHV_REGISTER_NAME.WHvX64RegisterMsrMtrrFix4kC0000 + i));
        }

        table.AddRange(
        [
            (X64MsrIndex.Pat, WHV_REGISTER_NAME.WHvX64RegisterPat),
            (0x2FF, WHV_REGISTER_NAME.WHvX64RegisterMsrMtrrDefType),
            (0x6A0, WHV_REGISTER_NAME.WHvX64RegisterUCet),
            (0x6A2, WHV_REGISTER_NAME.WHvX64RegisterSCet),
            (0x6A4, WHV_REGISTER_NAME.WHvX64RegisterPl0Ssp),
            (0x6A5, WHV_REGISTER_NAME.WHvX64RegisterPl1Ssp),
            (0x6A6, WHV_REGISTER_NAME.WHvX64RegisterPl2Ssp),
            (0x6A7, WHV_REGISTER_NAME.WHvX64RegisterPl3Ssp),
            (0x6A8, WHV_REGISTER_NAME.WHvX64RegisterInterruptSspTableAddr),
            (0xD90, WHV_REGISTER_NAME.WHvX64RegisterBndcfgs),
            (0xDA0, WHV_REGISTER_NAME.WHvX64RegisterXss),
            (X64MsrIndex.Efer, WHV_REGISTER_NAME.WHvX64RegisterEfer),
            (X64MsrIndex.Star, WHV_REGISTER_NAME.WHvX64RegisterStar),
            (X64MsrIndex.Lstar, WHV_REGISTER_NAME.WHvX64RegisterLstar),
            (0xC000_0083, WHV_REGISTER_NAME.WHvX64RegisterCstar),
            (X64MsrIndex.Fmask, WHV_REGISTER_NAME.WHvX64RegisterSfmask),
            (X64MsrIndex.FsBase, WHV_REGISTER_NAME.WHvX64RegisterFs),
            (X64MsrIndex.GsBase, WHV_REGISTER_NAME.WHvX64RegisterGs),
            (X64MsrIndex.KernelGsBase, WHV_REGISTER_NAME.WHvX64RegisterKernelGsBase),
            (0xC000_0103, WHV_REGISTER_NAME.WHvX64RegisterTscAux),

            // Last: it needs the local APIC's timer mode and the counter.
            (X64MsrIndex.TscDeadline, WHV_REGISTER_NAME.WHvX64RegisterTscDeadline),
        ]);
        return [.. table];
    }
}
