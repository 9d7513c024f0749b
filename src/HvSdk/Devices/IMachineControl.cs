namespace HvSdk.Devices;

/// <summary>What a device may do to the machine that it is in. Any thread may call; the first call decides how the machine ends.</summary>
/// <remarks>
/// Called during an access of the guest, the vCPU that made it executes nothing more. A call returns at once: the machine ends after it.
/// </remarks>
public interface IMachineControl
{
    /// <summary>The guest has switched the machine off.</summary>
    void PowerOff();

    /// <summary>The guest has reset the machine.</summary>
    void Reset();

    /// <summary>The guest's operating system reports that it has panicked.</summary>
    void ReportPanic();

    /// <summary>The guest ends the machine with a number for the one who runs it.</summary>
    /// <param name="code">The number.</param>
    void Exit(int code);
}
