namespace HvSdk.Testing;

/// <summary>Operations of a <see cref="ScriptedBackend"/> that a test can make fail (<see cref="ScriptedBackend.FailNext"/>).</summary>
public enum ScriptedOperation
{
    /// <summary>Opening the hypervisor.</summary>
    Open,

    /// <summary>Making a partition.</summary>
    CreatePartition,

    /// <summary>Making a vCPU.</summary>
    CreateVcpu,

    /// <summary>Entering the guest.</summary>
    Enter,

    /// <summary>Getting memory from the host.</summary>
    AllocateMemory,

    /// <summary>Showing memory to the guest.</summary>
    MapMemory,

    /// <summary>Taking memory away from the guest.</summary>
    UnmapMemory,

    /// <summary>Starting or ending the tracking of dirty pages.</summary>
    SetDirtyTracking,

    /// <summary>Collecting dirty pages.</summary>
    CollectDirtyPages,

    /// <summary>Making a doorbell.</summary>
    CreateDoorbell,

    /// <summary>Setting an interrupt line.</summary>
    SetInterruptLine,

    /// <summary>Sending a message-signalled interrupt.</summary>
    SendMsi,

    /// <summary>Replacing the routes of lines.</summary>
    SetInterruptRoutes,

    /// <summary>Making a trigger for a line or a message.</summary>
    CreateTrigger,

    /// <summary>Reading registers of any class.</summary>
    GetRegisters,

    /// <summary>Writing registers of any class.</summary>
    SetRegisters,

    /// <summary>Setting how a vCPU is debugged.</summary>
    SetDebug,

    /// <summary>Saving state of a vCPU or of the partition.</summary>
    SaveState,

    /// <summary>Loading state of a vCPU or of the partition.</summary>
    LoadState,
}
