namespace HvSdk.Devices.Emulated.Tests;

/// <summary>The local APICs' side of an I/O APIC.</summary>
internal sealed class RecordingApic : IIoApicOutput
{
    internal List<MsiMessage> Sent { get; } = [];

    internal List<(int Input, MsiMessage? Message)> Routes { get; } = [];

    public void Send(MsiMessage message)
    {
        lock (Sent)
        {
            Sent.Add(message);
        }
    }

    public void SetLevelRoute(int input, MsiMessage? message)
    {
        lock (Sent)
        {
            Routes.Add((input, message));
        }
    }
}
