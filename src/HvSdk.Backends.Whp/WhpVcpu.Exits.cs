using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>What the platform has left with, as an exit of the core.</summary>
internal sealed unsafe partial class WhpVcpu
{
    private bool TryDecode(out VcpuExit exit)
    {
        exit = default;
        switch (_exit->ExitReason)
        {
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64IoPortAccess:
                return TryDecodePort(out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonMemoryAccess:
                return !TryPopulate() && !TryFinish(out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64MsrAccess:
                return TryDecodeMsr(out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Cpuid:
                AnswerCpuid();
                return TryStep(out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64InterruptWindow:
                return _x64.TryDecodeWindow(_exit->InterruptWindow.DeliverableType, out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonException:
                return _debugger.TryDecode(_exit, RawData, out exit);
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64ApicEoi:
                _partition.Lines.EndOfInterrupt(_exit->ApicEoi.InterruptVector);
                exit = ExitFactory.Plain(VcpuExitKind.EndOfInterrupt, _exit->ApicEoi.InterruptVector);
                return true;
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonHypercall:
                DecodeHypercall(out exit);
                return true;
            case WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnsupportedFeature:
                return TryDecodeUnsupported(out exit);
            default:
                exit = ExitFactory.Plain(ToKind(_exit->ExitReason), 0, (uint)_exit->ExitReason, RawData);
                return true;
        }
    }

    private static VcpuExitKind ToKind(WHV_RUN_VP_EXIT_REASON reason) => reason switch
    {
        WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonCanceled => VcpuExitKind.Canceled,
        WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt => VcpuExitKind.Halt,
        WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnrecoverableException => VcpuExitKind.Shutdown,
        WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonInvalidVpRegisterValue => VcpuExitKind.EntryFailure,
        _ => VcpuExitKind.Unknown,
    };

    // SAFETY: the union lies within the exit block.
    private ReadOnlySpan<byte> RawData => new((byte*)_exit + WHV_RUN_VP_EXIT_CONTEXT.UnionOffset, WHV_RUN_VP_EXIT_CONTEXT.UnionSize);
}
