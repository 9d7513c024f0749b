using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>What the platform tells about x86-64 guests. It tells it of a vCPU, so a partition without memory is made once to ask it.</summary>
internal sealed unsafe class WhpX64Host : X64HostBackend
{
    private readonly WhpHost _host;
    private readonly Lazy<(X64CpuidEntry[] Cpuid, uint[] Msrs)> _answers;

    internal WhpX64Host(WhpHost host)
    {
        _host = host;
        _answers = new(Ask);
    }

    /// <summary>The platform's own answers, not to be written to.</summary>
    internal IReadOnlyList<X64CpuidEntry> Cpuid => _answers.Value.Cpuid;

    public override X64CpuidTable GetSupportedCpuid() => new(_answers.Value.Cpuid);

    public override IReadOnlyList<uint> GetMsrIndexes() => _answers.Value.Msrs;

    private (X64CpuidEntry[] Cpuid, uint[] Msrs) Ask()
    {
        WhvFunctions functions = _host.Functions;
        using WhvPartition partition = WhvPartition.Create(functions);
        partition.Set(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeProcessorCount, 1U);
        if (_host.Platform.HasLocalApic)
        {
            WhpPartition.SetLocalApic(partition, _host.Options);
        }

        partition.Setup();
        WhpError.Check(functions.WHvCreateVirtualProcessor(partition.Number, 0, 0), nameof(WhvFunctions.WHvCreateVirtualProcessor));
        try
        {
            using var scratch = new WhvScratch();
            var registers = new WhpRegisterFile(partition, 0, scratch);
            CpuidSource source = functions.WHvGetVirtualProcessorCpuidOutput is null
                ? WhpCpuid.AskProcessor
                : (leaf, subleaf) => AskCpuid(partition, 0, leaf, subleaf);
            return ([.. WhpCpuid.Enumerate(source)], registers.FindMsrs());
        }
        finally
        {
            functions.WHvDeleteVirtualProcessor(partition.Number, 0);
        }
    }

    /// <summary>What a vCPU answers; zeros for what it does not know.</summary>
    internal static WHV_CPUID_OUTPUT AskCpuid(WhvPartition partition, uint vcpu, uint leaf, uint subleaf)
    {
        WHV_CPUID_OUTPUT output = default;
        return partition.Functions.WHvGetVirtualProcessorCpuidOutput(partition.Number, vcpu, leaf, subleaf, &output) < 0 ? default : output;
    }
}
