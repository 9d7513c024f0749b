using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Instructions that the emulator completes.</summary>
internal sealed unsafe partial class WhpVcpu
{
    /// <summary>Memory that the guest may use and the platform has not brought in: asked for once per place, then left to the emulator.</summary>
    private bool TryPopulate()
    {
        ref WHV_MEMORY_ACCESS_CONTEXT access = ref _exit->MemoryAccess;
        var type = (WHV_MEMORY_ACCESS_TYPE)access.AccessInfo.AccessType;
        bool isWrite = type == WHV_MEMORY_ACCESS_TYPE.WHvMemoryAccessWrite;
        if (_partition.Memory.Find(access.Gpa) is not { } mapping || (isWrite && mapping.Access == MemoryAccess.ReadOnly))
        {
            return false;
        }

        (ulong, ulong) place = (access.Gpa & ~(ulong)(WhpMemory.PageSize - 1), _exit->VpContext.Rip);
        if (place == _populated)
        {
            return false;
        }

        _populated = place;
        return _partition.Memory.TryPopulate(place.Item1, WhpMemory.PageSize, type);
    }

    /// <summary>Starts an instruction in the emulator.</summary>
    /// <returns>True where it is done and the guest can be entered again; else <paramref name="exit"/> says what it needs.</returns>
    private bool TryFinish(out VcpuExit exit)
    {
        if (_emulation.TryBegin(out int error))
        {
            return TryEmulate(out exit) && !TryStep(out exit);
        }

        exit = ExitFactory.Plain(VcpuExitKind.HostFailure, 0, (uint)error, RawData);
        return false;
    }

    private bool TryEmulate(out VcpuExit exit)
    {
        switch (_emulation.Run(RawData, out exit))
        {
            case WhpEmulationResult.Done:
                return true;
            case WhpEmulationResult.Access:
                _pending = WhpAccess.Emulated;
                return false;
            default:
                return false;
        }
    }

    /// <summary>
    /// A feature that the platform lacks. Where it names an instruction, one that it has intercepted and cannot carry out, the emulator may know it. All
    /// else, a task switch or an exit that tells of no instruction, may have another cause than what lies at RIP: nothing is executed for it.
    /// </summary>
    private bool TryDecodeUnsupported(out VcpuExit exit)
    {
        if (_exit->UnsupportedFeature.FeatureCode == WHV_X64_UNSUPPORTED_FEATURE_CODE.WHvUnsupportedFeatureIntercept
            && _exit->VpContext.InstructionLength != 0)
        {
            return !TryFinish(out exit);
        }

        exit = ExitFactory.EmulationFailure([], (uint)_exit->ExitReason, RawData);
        return true;
    }
}
