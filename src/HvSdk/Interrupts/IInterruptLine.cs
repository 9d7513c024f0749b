namespace HvSdk;

/// <summary>What a device raises its interrupt through: a wire into the host's controller, or an input of an emulated one. Any thread may call.</summary>
public interface IInterruptLine
{
    /// <summary>Sets the wire's level.</summary>
    /// <param name="asserted">True: the device asks for service.</param>
    void Set(bool asserted);
}
