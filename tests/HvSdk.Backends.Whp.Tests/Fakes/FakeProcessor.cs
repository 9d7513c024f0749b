using HvSdk.Backends.Whp.Interop;
using HvSdk.Live;

namespace HvSdk.Backends.Whp.Tests.Fakes;

/// <summary>A virtual processor of the <see cref="FakePlatform"/>: registers and a script.</summary>
internal sealed unsafe class FakeProcessor(FakePartition partition, uint index)
{
    private readonly object _gate = new();
    private bool _isCanceled;

    internal FakePartition Partition { get; } = partition;

    internal uint Index { get; } = index;

    internal Dictionary<WHV_REGISTER_NAME, WHV_REGISTER_VALUE> Registers { get; } = [];

    /// <summary>Names of each batch that was written.</summary>
    internal List<WHV_REGISTER_NAME[]> Writes { get; } = [];

    internal byte[] ApicPage { get; } = new byte[4096];

    /// <summary>What the next runs do; where it ends, a run waits for its cancellation.</summary>
    internal Queue<ScriptedExit> Script { get; } = [];

    internal ulong this[WHV_REGISTER_NAME name]
    {
        get => Registers.GetValueOrDefault(name).Reg64;
        set => Registers[name] = new WHV_REGISTER_VALUE { Reg64 = value };
    }

    internal void Cancel()
    {
        lock (_gate)
        {
            _isCanceled = true;
            Monitor.PulseAll(_gate);
        }
    }

    internal int Run(WHV_RUN_VP_EXIT_CONTEXT* exit)
    {
        lock (_gate)
        {
            if (!_isCanceled && Script.TryDequeue(out ScriptedExit? next))
            {
                FillContext(exit);
                next(this, exit);
                return 0;
            }

            while (!_isCanceled)
            {
                if (!Monitor.Wait(_gate, Limit.Value))
                {
                    return HRESULTS.E_FAIL;
                }
            }

            _isCanceled = false;
        }

        FillContext(exit);
        exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonCanceled;
        return 0;
    }

    private void FillContext(WHV_RUN_VP_EXIT_CONTEXT* exit)
    {
        exit->VpContext = default;
        exit->VpContext.Cs = Registers.GetValueOrDefault(WHV_REGISTER_NAME.WHvX64RegisterCs).Segment;
        exit->VpContext.Rip = this[WHV_REGISTER_NAME.WHvX64RegisterRip];
        exit->VpContext.Rflags = this[WHV_REGISTER_NAME.WHvX64RegisterRflags];
    }
}
