using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp.Tests.Fakes;

/// <summary>A partition over the <see cref="FakePlatform"/>, with a page of RAM at 0 and a vCPU of the test's thread.</summary>
internal sealed unsafe class FakeMachine : IDisposable
{
    internal const ulong RamSize = 0x10000;

    private readonly bool _ownsPlatform;
    private Vcpu? _vcpu;

    internal FakeMachine(FakePlatform? platform = null, Action<PartitionOptions>? configure = null, WhpBackendOptions? backend = null)
    {
        _ownsPlatform = platform is null;
        Platform = platform ?? new FakePlatform();
        Hypervisor = Hypervisor.Open(Platform.CreateBackend(backend));
        try
        {
            var options = new PartitionOptions();
            configure?.Invoke(options);
            Partition = Hypervisor.CreatePartition(options);
            Ram = Partition.Memory.Map(0, RamSize, new MemoryRegionOptions { TrackDirtyPages = Hypervisor.Capabilities.Supports(HypervisorFeatures.DirtyTracking) });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal FakePlatform Platform { get; }

    internal Hypervisor Hypervisor { get; }

    internal Partition Partition { get; } = null!;

    internal MemoryRegion Ram { get; } = null!;

    internal Vcpu Vcpu => _vcpu ??= Partition.CreateVcpu(0);

    /// <summary>The processor behind <see cref="Vcpu"/>.</summary>
    internal FakeProcessor Processor
    {
        get
        {
            _ = Vcpu;
            return Platform.Partition.Processor;
        }
    }

    /// <summary>Puts a program at an address of real mode, with flat segments, and the processor at it.</summary>
    internal void Load(ulong address, params ReadOnlySpan<byte> code)
    {
        Partition.Memory.Write(address, code);
        WHV_REGISTER_VALUE code16 = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode(0, isCode: true)) };
        WHV_REGISTER_VALUE data16 = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode(0)) };
        FakeProcessor processor = Processor;
        for (WHV_REGISTER_NAME name = WHV_REGISTER_NAME.WHvX64RegisterEs; name <= WHV_REGISTER_NAME.WHvX64RegisterGs; name++)
        {
            processor.Registers[name] = name == WHV_REGISTER_NAME.WHvX64RegisterCs ? code16 : data16;
        }

        processor[WHV_REGISTER_NAME.WHvX64RegisterRip] = address;
        processor[WHV_REGISTER_NAME.WHvX64RegisterRflags] = 2;
    }

    internal FakeMachine Then(ScriptedExit exit)
    {
        Processor.Script.Enqueue(exit);
        return this;
    }

    internal FakeMachine Then(WHV_RUN_VP_EXIT_REASON reason) => Then((_, exit) => exit->ExitReason = reason);

    internal FakeMachine ThenPort(bool isWrite, ushort port, uint size, uint length = 1, bool isString = false) => Then((processor, exit) =>
    {
        exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64IoPortAccess;
        exit->VpContext.InstructionLength = length;
        exit->IoPortAccess = new WHV_X64_IO_PORT_ACCESS_CONTEXT { PortNumber = port, Rax = processor[WHV_REGISTER_NAME.WHvX64RegisterRax] };
        exit->IoPortAccess.AccessInfo.IsWrite = isWrite ? 1U : 0;
        exit->IoPortAccess.AccessInfo.AccessSize = size;
        exit->IoPortAccess.AccessInfo.StringOp = isString ? 1U : 0;
    });

    /// <summary>An access to memory, with no instruction bytes and no GVA, as the platform may leave them out.</summary>
    internal FakeMachine ThenMemory(ulong address, WHV_MEMORY_ACCESS_TYPE type = WHV_MEMORY_ACCESS_TYPE.WHvMemoryAccessRead, bool isUnmapped = true) => Then((_, exit) =>
    {
        exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonMemoryAccess;
        exit->MemoryAccess = new WHV_MEMORY_ACCESS_CONTEXT { Gpa = address };
        exit->MemoryAccess.AccessInfo.AccessType = (uint)type;
        exit->MemoryAccess.AccessInfo.GpaUnmapped = isUnmapped ? 1U : 0;
    });

    internal FakeMachine ThenMsr(bool isWrite, uint index) => Then((processor, exit) =>
    {
        exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64MsrAccess;
        exit->VpContext.InstructionLength = 2;
        exit->MsrAccess = new WHV_X64_MSR_ACCESS_CONTEXT
        {
            MsrNumber = index,
            Rax = processor[WHV_REGISTER_NAME.WHvX64RegisterRax],
            Rdx = processor[WHV_REGISTER_NAME.WHvX64RegisterRdx],
        };
        exit->MsrAccess.AccessInfo.IsWrite = isWrite ? 1U : 0;
    });

    /// <summary>A feature that the platform lacks; with a length, one that is an instruction.</summary>
    internal FakeMachine ThenUnsupported(WHV_X64_UNSUPPORTED_FEATURE_CODE code, uint length, ulong parameter = 0) => Then((_, exit) =>
    {
        exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnsupportedFeature;
        exit->VpContext.InstructionLength = length;
        exit->UnsupportedFeature = new WHV_X64_UNSUPPORTED_FEATURE_CONTEXT { FeatureCode = code, FeatureParameter = parameter };
    });

    internal FakeMachine ThenException(byte vector, ulong parameter = 0, bool isSoftware = false) => Then((_, exit) =>
    {
        exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonException;
        exit->VpException = new WHV_VP_EXCEPTION_CONTEXT { ExceptionType = vector, ExceptionParameter = parameter };
        exit->VpException.ExceptionInfo.SoftwareException = isSoftware ? 1U : 0;
    });

    public void Dispose()
    {
        Partition?.Dispose();
        Hypervisor.Dispose();
        if (_ownsPlatform)
        {
            Platform.Dispose();
        }
    }
}
