namespace HvSdk.Backends;

/// <summary>
/// PSCI for a partition whose host leaves it to the VMM (Arm DEN 0022, version 1.1): the guest starts and stops its vCPUs, and ends its machine. Backends give it
/// the guest's calls, and ask it where a vCPU that is off begins.
/// </summary>
/// <remarks>Any thread may call any member. A call names functions and vCPUs as the guest says: all of it is checked, and a wrong one is answered with an error of PSCI.</remarks>
public sealed class Arm64Psci
{
    /// <summary>Versions that PSCI_VERSION and SMCCC_VERSION answer: 1.1 both, the major number in bits 31 to 16.</summary>
    private const long Version = 0x1_0001;

    private readonly Arm64PowerSwitch[] _vcpus;

    /// <summary>PSCI of a partition. vCPU 0 is on.</summary>
    /// <param name="vcpuCount">The vCPUs that the partition may have.</param>
    public Arm64Psci(int vcpuCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vcpuCount, 1);
        _vcpus = new Arm64PowerSwitch[vcpuCount];
        for (int i = 0; i < vcpuCount; i++)
        {
            _vcpus[i] = new Arm64PowerSwitch(isOn: i == 0);
        }
    }

    /// <summary>The switch of one vCPU: on, off, or about to start.</summary>
    /// <param name="index">Its index.</param>
    public Arm64PowerSwitch this[int index] => _vcpus[index];

    /// <summary>Carries out one call of the guest.</summary>
    /// <param name="caller">Index of the vCPU that calls.</param>
    /// <param name="function">W0: the function identifier.</param>
    /// <param name="argument1">X1.</param>
    /// <param name="argument2">X2.</param>
    /// <param name="argument3">X3.</param>
    /// <param name="result">What X0 gets; without meaning unless the vCPU goes on.</param>
    /// <returns>What becomes of the vCPU.</returns>
    public Arm64PsciOutcome Call(int caller, uint function, ulong argument1, ulong argument2, ulong argument3, out long result)
    {
        bool is64Bit = (function & PsciFunction.Is64Bit) != 0;
        ulong Argument(ulong value) => is64Bit ? value : (uint)value;

        result = PsciStatus.Success;
        switch (function)
        {
            case PsciFunction.SmcccVersion or PsciFunction.PsciVersion:
                result = Version;
                return Arm64PsciOutcome.Continue;
            case PsciFunction.SmcccArchFeatures:
                result = (uint)argument1 is PsciFunction.SmcccVersion or PsciFunction.SmcccArchFeatures ? PsciStatus.Success : PsciStatus.NotSupported;
                return Arm64PsciOutcome.Continue;
            case PsciFunction.PsciFeatures:
                result = IsKnown((uint)argument1) || (uint)argument1 == PsciFunction.SmcccVersion ? PsciStatus.Success : PsciStatus.NotSupported;
                return Arm64PsciOutcome.Continue;
            case PsciFunction.MigrateInfoType:
                result = PsciStatus.NoTrustedOs;
                return Arm64PsciOutcome.Continue;
            case PsciFunction.CpuOn or (PsciFunction.CpuOn | PsciFunction.Is64Bit):
                result = TurnOn(Argument(argument1), Argument(argument2), Argument(argument3));
                return Arm64PsciOutcome.Continue;
            case PsciFunction.AffinityInfo or (PsciFunction.AffinityInfo | PsciFunction.Is64Bit):
                result = GetAffinityInfo(Argument(argument1), (uint)argument2);
                return Arm64PsciOutcome.Continue;
            case PsciFunction.CpuOff:
                _vcpus[caller].TurnOff();
                return Arm64PsciOutcome.PowerOff;
            case PsciFunction.CpuSuspend or (PsciFunction.CpuSuspend | PsciFunction.Is64Bit):
                // Every suspension is a standby (5.4.1): the vCPU keeps its state, and goes on behind the call.
                return Arm64PsciOutcome.WaitForInterrupt;
            case PsciFunction.SystemOff:
                return Arm64PsciOutcome.SystemOff;
            case PsciFunction.SystemReset or PsciFunction.SystemReset2 or (PsciFunction.SystemReset2 | PsciFunction.Is64Bit):
                return Arm64PsciOutcome.SystemReset;
            default:
                result = PsciStatus.NotSupported;
                return function is >= PsciFunction.First and <= PsciFunction.Last or >= (PsciFunction.First | PsciFunction.Is64Bit) and <= (PsciFunction.Last | PsciFunction.Is64Bit)
                    ? Arm64PsciOutcome.Continue
                    : Arm64PsciOutcome.NotPsci;
        }
    }

    private static bool IsKnown(uint function) => function is
        PsciFunction.PsciVersion or PsciFunction.CpuOff or PsciFunction.MigrateInfoType or PsciFunction.SystemOff or PsciFunction.SystemReset or PsciFunction.PsciFeatures
        or PsciFunction.CpuSuspend or (PsciFunction.CpuSuspend | PsciFunction.Is64Bit)
        or PsciFunction.CpuOn or (PsciFunction.CpuOn | PsciFunction.Is64Bit)
        or PsciFunction.AffinityInfo or (PsciFunction.AffinityInfo | PsciFunction.Is64Bit)
        or PsciFunction.SystemReset2 or (PsciFunction.SystemReset2 | PsciFunction.Is64Bit);

    private long TurnOn(ulong affinity, ulong entryPoint, ulong contextId) => Find(affinity) switch
    {
        null => PsciStatus.InvalidParameters,
        { } target => target.TurnOn(entryPoint, contextId) switch
        {
            Arm64PowerSwitchState.Off => PsciStatus.Success,
            Arm64PowerSwitchState.Starting => PsciStatus.OnPending,
            _ => PsciStatus.AlreadyOn,
        },
    };

    private long GetAffinityInfo(ulong affinity, uint level)
    {
        // Levels above 0 may be left out since version 1.0 (5.1.8).
        if (level != 0 || Find(affinity) is not { } target)
        {
            return PsciStatus.InvalidParameters;
        }

        return target.State switch
        {
            Arm64PowerSwitchState.On => PsciStatus.AffinityOn,
            Arm64PowerSwitchState.Starting => PsciStatus.AffinityOnPending,
            _ => PsciStatus.AffinityOff,
        };
    }

    private Arm64PowerSwitch? Find(ulong affinity)
    {
        ulong index = (affinity & 0xF) | (((affinity >> 8) & 0xFF) << 4) | (((affinity >> 16) & 0xFF) << 12) | (((affinity >> 32) & 0xFF) << 20);
        return index < (ulong)_vcpus.Length && Arm64Vcpu.GetAffinity((int)index) == affinity ? _vcpus[index] : null;
    }
}

/// <summary>What becomes of a vCPU after a call.</summary>
public enum Arm64PsciOutcome
{
    /// <summary>It goes on with the result in X0.</summary>
    Continue,

    /// <summary>The call is none of PSCI, nor of the calling convention: whoever else answers calls may.</summary>
    NotPsci,

    /// <summary>It is off: the call does not return.</summary>
    PowerOff,

    /// <summary>It waits for an interrupt, and then goes on with the result in X0.</summary>
    WaitForInterrupt,

    /// <summary>The machine ends.</summary>
    SystemOff,

    /// <summary>The machine starts anew.</summary>
    SystemReset,
}
