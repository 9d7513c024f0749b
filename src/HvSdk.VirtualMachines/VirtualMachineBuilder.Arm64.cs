using HvSdk.Boot;
using HvSdk.Devices.Emulated;

namespace HvSdk.VirtualMachines;

/// <content>What is an arm64 machine's own: GIC, clock, device tree.</content>
public sealed partial class VirtualMachineBuilder
{
    private const int MinSharedLines = 1;

    /// <summary>Where the GIC lies: as in QEMU's "virt", whose redistributors end where its devices begin.</summary>
    private static readonly Arm64GicLayout s_gicLayout = new();

    private bool IsArm64 => _hypervisor.Capabilities.Architecture == GuestArchitecture.Arm64;

    private MachineChips ChooseGic(HypervisorCapabilities capabilities, List<string> problems)
    {
        bool canHost = capabilities.Supports(HypervisorFeatures.FullInterruptController);
        bool canEmulate = capabilities.Supports(HypervisorFeatures.RegisterExits);
        ChipPlacement placement = _board.Chips == ChipPlacement.Automatic && !canHost ? ChipPlacement.Split : _board.Chips;
        if (placement is < ChipPlacement.Automatic or > ChipPlacement.Split)
        {
            problems.Add($"{nameof(BoardOptions)}.{nameof(BoardOptions.Chips)} is {placement}, which is no member of {nameof(ChipPlacement)}. Use Automatic, Host or Split.");
        }
        else if (placement == ChipPlacement.Split ? !canEmulate : !canHost)
        {
            problems.Add(
                $"{nameof(BoardOptions)}.{nameof(BoardOptions.Chips)} is {_board.Chips}, and {capabilities.BackendName} on this machine ({capabilities.HostDescription}) " +
                $"{(canHost ? "keeps the GIC itself" : canEmulate ? "keeps no GIC" : "neither keeps a GIC nor lets one be emulated")}. " +
                (canHost || canEmulate ? $"Use {nameof(ChipPlacement.Automatic)}." : "Use another host."));
        }

        return placement == ChipPlacement.Split
            ? new EmulatedGic(s_gicLayout, int.Max(1, _processors.Count))
            : new HostGic(s_gicLayout, int.Max(MinSharedLines, capabilities.InterruptLineCount), _processors.Count);
    }

    /// <summary>Options that a PC alone has are refused where somebody has set them: what was asked for would not be there.</summary>
    private void CheckArm64Options(List<string> problems)
    {
        Refuse(_board.IntervalTimer == true, $"{nameof(BoardOptions)}.{nameof(BoardOptions.IntervalTimer)} is true", "The processors' own timers are always there: leave it null.");
        Refuse(_board.MultiprocessorTable, $"{nameof(BoardOptions)}.{nameof(BoardOptions.MultiprocessorTable)} is true", "The device tree names the processors: leave it false.");
        Refuse(HasPci, $"{nameof(BoardOptions)}.{nameof(BoardOptions.Pci)} is true, or a device was added to the bus", $"Use {nameof(AddVirtio)} or {nameof(AddDevice)} with devices in memory.");
        Refuse(_board.VirtioTransport == VirtioTransport.Pci, $"{nameof(BoardOptions)}.{nameof(BoardOptions.VirtioTransport)} is {VirtioTransport.Pci}", $"Leave it null, or set it to {VirtioTransport.Mmio}.");
        Refuse(_processors.ConfigureCpuid is not null, $"{nameof(ProcessorOptions)}.{nameof(ProcessorOptions.ConfigureCpuid)} is set", "Leave it null.");
        Refuse(_firmware.Count > 0, $"{nameof(ConfigureFirmware)} was called", "An arm64 firmware reads the device tree: leave the call out.");

        void Refuse(bool isAsked, string what, string remedy)
        {
            if (isAsked)
            {
                problems.Add($"{what}, and an arm64 machine has nothing of the kind. {remedy}");
            }
        }
    }

    /// <summary>Adds the devices of an arm64 machine and describes all of it.</summary>
    private (BootMachine Machine, IReadOnlyList<MachineTable> Tables, PowerManagement? Power) CompleteArm64(
        MachinePlan plan, MachineChips chips, MachineEnding ending, List<string> problems)
    {
        CheckArm64Options(problems);
        chips.Plan(plan, (name, device) => AddSlot(plan, ending, name, device));
        AddOwnDevices(plan, ending);
        if (_board.RealTimeClock)
        {
            AddSlot(plan, ending, "real-time clock", new RealTimeClockPl031()); // the last: the console is where boot loaders look for it
        }

        CheckNotifications(plan, null);
        return (new BootMachine { MemoryMap = plan.Ram.CreateMap(), DeviceTree = DescribeArm64(plan, problems) ?? new DeviceTree() }, [], null);
    }

    private DeviceTree? DescribeArm64(MachinePlan plan, List<string> problems)
    {
        ulong[] affinities = new ulong[int.Max(1, _processors.Count)];
        for (int i = 0; i < affinities.Length; i++)
        {
            affinities[i] = Arm64Vcpu.GetAffinity(i);
        }

        var platform = new Arm64Platform
        {
            Affinities = affinities,
            Gic = s_gicLayout,
            Memory = plan.Ram.CreateMap(),
            Devices = [.. plan.Slots.Select(static slot => slot.Description)],
        };
        IReadOnlyList<string> found = Arm64DeviceTree.FindProblems(platform);
        problems.AddRange(found);
        return found.Count == 0 ? Arm64DeviceTree.Build(platform) : null;
    }
}
